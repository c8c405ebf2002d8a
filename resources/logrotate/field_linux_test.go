package logrotate

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// needLogrotate skips where the program that reads the rules is not there.
func needLogrotate(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: logrotate trusts no other")
	}
	if _, err := exec.LookPath("logrotate"); err != nil {
		t.Skip("needs logrotate (apt-get install logrotate)")
	}
}

// field is a folder of logs with a rule for them that logrotate itself carries out.
type field struct {
	t                       *testing.T
	dir, config, state, old string
	marks                   string
}

// newField writes the rule with the kind itself. "DIR" in the block is the folder of the logs, "OLD"
// another beside it, "MARKS" a file that scripts may write to.
func newField(t *testing.T, s *Spec) *field {
	t.Helper()
	m := hosttest.New(t, hosttest.Config{Files: base(files{dir: {Dir: true}})})
	f := &field{t: t, dir: t.TempDir(), old: t.TempDir()}
	f.config, f.state, f.marks = m.Path(mine), filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "marks")
	for _, d := range []string{filepath.Dir(f.dir), f.dir, f.old} {
		f.check(os.Chmod(d, 0o755)) // also for a rule that is carried out by somebody else
	}
	fill := strings.NewReplacer("DIR", f.dir, "OLD", f.old, "MARKS", f.marks).Replace
	spec := *s
	spec.Paths = nil
	for _, p := range s.Paths {
		spec.Paths = append(spec.Paths, fill(p))
	}
	spec.OldDir = fill(s.OldDir)
	spec.PreRotate, spec.PostRotate = nil, nil
	for _, l := range s.PreRotate {
		spec.PreRotate = append(spec.PreRotate, fill(l))
	}
	for _, l := range s.PostRotate {
		spec.PostRotate = append(spec.PostRotate, fill(l))
	}
	spec.Label = "agent0"
	spec.Default()
	f.check(spec.Validate())
	f.check(rule{}.Apply(t.Context(), m.Host(), nil, &spec))
	return f
}

func (f *field) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// run is a run of logrotate as it would be if its last one was at that time.
func (f *field) run(last time.Time, args ...string) (string, error) {
	f.t.Helper()
	state := "logrotate state -- version 2\n"
	logs, err := filepath.Glob(f.dir + "/*")
	f.check(err)
	for _, log := range logs {
		state += fmt.Sprintf("%q %s\n", log, last.Format("2006-1-2-15:4:5"))
	}
	f.check(os.WriteFile(f.state, []byte(state), 0o600))
	out, err := exec.Command("logrotate", append(args, "-s", f.state, f.config)...).CombinedOutput()
	return string(out), err
}

// tree is what is in a folder, by name, unpacked.
func (f *field) tree(dir string) map[string]string {
	f.t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	f.check(err)
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		f.check(err)
		if strings.HasSuffix(e.Name(), ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(b))
			f.check(err)
			b, err = io.ReadAll(z)
			f.check(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}
