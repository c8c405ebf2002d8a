package crash

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// Record runs cmd, which must succeed, and models what it did under dir. It refuses a run whose
// trace does not account for the tree that is there afterwards.
func Record(ctx context.Context, dir string, cmd *exec.Cmd) (*Model, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot record in %s: %w", dir, err)
	}
	before, err := Load(abs)
	if err != nil {
		return nil, err
	}
	res, err := trace.Run(ctx, cmd, trace.Options{Under: []string{abs}, Record: true})
	if err != nil {
		return nil, err
	}
	if !res.Status.Exited() || res.Status.ExitStatus() != 0 {
		return nil, fmt.Errorf("cannot record %s: it failed (%s)", cmd.Path, res.Exit())
	}
	if len(res.Blind) > 0 {
		return nil, fmt.Errorf("cannot record %s: it changes files unseen: %q", cmd.Path, res.Blind)
	}
	m, err := Replay(before, abs, res.Events)
	if err != nil {
		return nil, err
	}
	after, err := Load(abs)
	if err != nil {
		return nil, err
	}
	return m, m.Explain(after)
}

// Materialize writes the state's tree into the empty directory dir.
func (s State) Materialize(dir string) error { return s.tree.Materialize(dir) }
