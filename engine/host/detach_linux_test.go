package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A detached program is in a session of its own, without a terminal, and what keeps it from being ready is told.
func TestDetach(t *testing.T) {
	var ops []string
	var calls []Call
	h, err := Open(Options{Facts: &Facts{}, Watch: func(o Op) error { ops = append(ops, o.String()); return nil }, Ran: func(c Call) { calls = append(calls, c) }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	file := filepath.Join(t.TempDir(), "said")
	script := `cut -d" " -f1,6 </proc/$$/stat; cut -d" " -f1,6 </proc/$$/stat >"$1".part; pwd >>"$1".part; mv "$1".part "$1"; echo ready; exec sleep 30`
	if err := h.Programs.Detach(t.Context(), "sh", "-c", script, "sh", file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(b))
	if len(words) != 3 || words[0] != words[1] || words[2] != "/" {
		t.Errorf("process, session and folder: %q", words)
	}
	if len(ops) != 1 || ops[0] != "detach sh" || len(calls) != 1 || calls[0].Exit != 0 {
		t.Errorf("%v, %+v", ops, calls)
	}
	kill(t, words[0])
	err = h.Programs.Detach(t.Context(), "sh", "-c", "echo there is no such thing >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "there is no such thing") || calls[1].Exit != 1 {
		t.Errorf("a program that fails: %v, %+v", err, calls)
	}
	if err := h.Programs.Detach(t.Context(), "no-such-program"); err == nil {
		t.Error("no such program")
	}
}

func kill(t *testing.T, pid string) {
	t.Helper()
	h, err := Open(Options{Facts: &Facts{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if out, err := h.Programs.Run(t.Context(), "kill", pid); err != nil {
		t.Errorf("%v: %s", err, out.Stdout)
	}
}

// An image starts nothing.
func TestDetachOffline(t *testing.T) {
	h, err := Open(Options{Root: t.TempDir(), Facts: &Facts{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, ok := errors.AsType[*OfflineError](h.Programs.Detach(t.Context(), "true")); !ok {
		t.Error("it started")
	}
}

// Of those who rename one file to different names at once, one succeeds.
func TestRenameHasOneWinner(t *testing.T) {
	h, err := Open(Options{Root: t.TempDir(), Facts: &Facts{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for range 50 {
		if err := h.Files.Write("/a", []byte("x"), Attr{Mode: 0o600, UID: -1, GID: -1}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 2)
		for _, to := range []string{"/b", "/c"} {
			go func() { ended <- h.Files.Rename("/a", to) }()
		}
		lost := 0
		for range 2 {
			if err := <-ended; errors.Is(err, fs.ErrNotExist) {
				lost++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		names, err := h.Files.ReadDir("/")
		if err != nil || lost != 1 || len(names) != 1 {
			t.Fatalf("%d lost, %v, %v", lost, names, err)
		}
		if err := h.Files.Remove("/" + names[0]); err != nil {
			t.Fatal(err)
		}
	}
}
