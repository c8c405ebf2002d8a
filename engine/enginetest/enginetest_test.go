package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// note is a file with a text, kept by a kind that may be broken in one way.
type note struct {
	Path string       `hcl:"path"`
	Text *engine.Text `hcl:"text,optional"`
	// Mode is what only the host knows.
	Mode int `record:"mode"`
}

func (n *note) Claims() []engine.Claim { return []engine.Claim{engine.PathClaim(n.Path)} }

type notes struct{ broken string }

func (k notes) Read(_ context.Context, v host.View, spec *note) (*note, error) {
	b, err := v.Files.ReadFile(spec.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	info, statErr := v.Files.Lstat(spec.Path)
	have := &note{Path: spec.Path, Text: engine.NewText(string(b)), Mode: int(info.Mode)}
	if k.broken == "forgets the mode" {
		have.Mode = 0
	}
	return have, errors.Join(err, statErr)
}

func (k notes) Apply(_ context.Context, h *host.Host, have, want *note) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	attr := host.Attr{Mode: 0o644, UID: -1, GID: -1}
	if want.Mode != 0 {
		attr.Mode = fs.FileMode(want.Mode)
	}
	switch k.broken {
	case "does nothing":
		return nil
	case "hides the error":
		if h.Files.Write(want.Path, []byte(want.Text.Reveal()), attr) != nil {
			return errors.New("it did not work")
		}
		return nil
	case "swallows the error":
		_ = h.Files.Write("/extra", []byte("x"), attr)
		if have == nil {
			return h.Files.Write(want.Path, []byte(want.Text.Reveal()), attr)
		}
	case "leaves a trace when it is stopped":
		if err := h.Files.Write("/trace", nil, attr); err != nil {
			return err
		}
		if err := h.Files.Write(want.Path, []byte(want.Text.Reveal()), attr); err != nil {
			return err
		}
		return h.Files.Remove("/trace")
	}
	return h.Files.Write(want.Path, []byte(want.Text.Reveal()), attr)
}

const brokenIn = "ENGINETEST_BROKEN"

// TestNotes is what a kind's test looks like. TestTheHarnessBites runs it with kinds that are broken.
func TestNotes(t *testing.T) {
	there := map[string]hosttest.File{"/note": {Content: "old", Mode: 0o751}}
	Converges(t, engine.NewKind("note", notes{os.Getenv(brokenIn)}), []Case[note]{
		{Name: "new", Spec: &note{Path: "/note", Text: engine.NewText("new")}, Want: engine.Create},
		{Name: "other", Files: there, Spec: &note{Path: "/note", Text: engine.NewText("new")}, Want: engine.Update},
		{Name: "removed", Files: there, Spec: &note{Path: "/note"}, Absent: true, Want: engine.Remove},
	})
}

func TestTheHarnessBites(t *testing.T) {
	needRoot(t)
	for broken, says := range map[string]string{
		"does nothing":                      "did not take",
		"forgets the mode":                  "undo left the machine different",
		"hides the error":                   "does not name note.it and /note",
		"swallows the error":                "failed 0 resources, want 1",
		"leaves a trace when it is stopped": "the machine is not as after a run that was not stopped",
	} {
		t.Run(broken, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestNotes$", "-test.short")
			cmd.Env = append(os.Environ(), brokenIn+"="+broken)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), says) {
				t.Errorf("the harness does not say %q: %v\n%.2000s", says, err, out)
			}
		})
	}
}

// The kinds keep plans out of the folder that the journal is in.
func TestStateDir(t *testing.T) {
	if journal.Dir != engine.StateDir {
		t.Errorf("the journal is in %s, and plans are kept out of %s", journal.Dir, engine.StateDir)
	}
}
