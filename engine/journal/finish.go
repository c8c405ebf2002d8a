package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// recover brings the end of a run that was cut short to where the next can go on: its file ends
// with its last whole record and says so, and the temporary files of what it was about are gone.
func (r *Recording) recover(h *host.Host) error {
	run := r.state.open
	r.found = run
	if run != nil {
		for _, c := range run.Unfinished() {
			r.clean(h, c)
			if err := r.harden(c); err != nil {
				return fmt.Errorf("cannot recover from run %d, which was cut short: %w", run.ID, err)
			}
		}
		if err := r.clearFolders(engine.CheckDir); err != nil {
			return fmt.Errorf("cannot recover from run %d, which was cut short: %w", run.ID, err)
		}
		out := output{files: r.files, path: runPath(run.ID), size: r.state.size}
		end := done{Time: r.options.Now().UTC(), At: r.moment(), Result: Interrupted, Counts: run.Counts}
		if err := r.conclude(&out, run, end); err != nil {
			return fmt.Errorf("cannot recover from run %d, which was cut short: %w", run.ID, err)
		}
		r.mu.Lock()
		r.state.open = nil
		r.mu.Unlock()
	}
	if !r.untidy() {
		return nil
	}
	if err := r.tidy(); err != nil {
		return fmt.Errorf("cannot tidy up the journal: %w", err)
	}
	return nil
}

// clean removes the temporary files of one change. One that cannot be removed is no reason never
// to run again: the change itself meets it, and says so.
func (r *Recording) clean(h *host.Host, c *RunChange) {
	for _, claim := range c.Claims {
		if p := claim.Path(); p != "" {
			if err := r.files.Clean(p); err != nil {
				h.Log.Warn("a temporary file of a run that was cut short stays", "resource", string(c.Addr), "error", err)
			}
		}
	}
}

// harden makes durable what a change that was cut short has published: the next run may find it as
// wanted, and then nobody would.
func (r *Recording) harden(c *RunChange) error {
	for _, claim := range c.Claims {
		if p := claim.Path(); p != "" {
			if err := r.files.Sync(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// conclude writes the last record of a run.
func (r *Recording) conclude(out *output, run *Run, end done) error {
	b, err := frame(nil, record{Done: &end, Synced: out.mark()})
	if err == nil {
		err = out.append(b, true)
	}
	if err = errors.Join(err, out.close()); err != nil {
		return err
	}
	run.Ended, run.Result, run.Counts = end.Time, end.Result, end.Counts
	run.noteCut(end.At)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = nil
	if n := len(r.state.recent); n > 0 && r.state.recent[n-1].ID == run.ID {
		r.state.recent[n-1] = run.RunInfo
	} else {
		r.state.add(run, 1)
		r.state.files = append(r.state.files, run.ID)
	}
	return nil
}

// Finish records how the run ended, if it recorded anything, and lets go of the lock. A *TidyError
// is a run that is recorded all the same.
func (r *Recording) Finish(result Result) error {
	err := r.failure
	if r.out.started {
		r.run.count()
		end := done{Time: r.options.Now().UTC(), At: r.moment(), Result: result, Counts: r.run.Counts}
		if err = errors.Join(err, r.conclude(&r.out, r.run, end)); err != nil {
			err = fmt.Errorf("cannot record the end of the run: %w", err)
		} else if tidyErr := r.tidyAfter(); tidyErr != nil {
			err = &TidyError{tidyErr}
		}
	}
	return errors.Join(err, r.Close())
}

// tidyAfter removes what this run made superfluous.
func (r *Recording) tidyAfter() error {
	if err := r.pruneVault(); err != nil || !r.untidy() {
		return err
	}
	return r.tidy()
}

// pruneVault removes old secrets but those of the last two runs.
func (r *Recording) pruneVault() error {
	names, err := r.files.ReadDir(vaultDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		if id, numErr := strconv.Atoi(name); numErr == nil && id > r.state.last-2 {
			continue
		}
		err = errors.Join(err, r.removeAll(path.Join(vaultDir, name)))
	}
	return err
}

// clearFolders removes the folders in dir; there need not be a dir.
func (r *Recording) clearFolders(dir string) error {
	names, err := r.files.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		err = errors.Join(err, r.removeAll(path.Join(dir, name)))
	}
	return err
}

// removeAll removes a folder of files.
func (r *Recording) removeAll(dir string) error {
	names, err := r.files.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.files.Remove(path.Join(dir, name)); err != nil {
			return err
		}
	}
	return r.files.Remove(dir)
}
