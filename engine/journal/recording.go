package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Options say how a run records.
type Options struct {
	// LockTimeout is how long to wait for another run to end; zero does not wait.
	LockTimeout time.Duration
	// SecretsDigestOnly keeps no old secret: a run that replaces one cannot be undone.
	SecretsDigestOnly bool
	// Now tells the time; nil is the clock.
	Now func() time.Time
}

// Recording is a run at work: it holds the lock of the host until Finish or Close. It is the
// engine.Recorder of the run, for one goroutine, and the engine.Ledger as the run has it so far.
type Recording struct {
	*Journal
	files   *host.Files
	held    io.Closer // the lock
	info    Info
	options Options
	out     output
	found   *Run // the run before, if it was cut short

	run     *Run // what it did so far
	changes map[*engine.Change]*RunChange
	current int   // the number of the change at hand, 0 for none
	failure error // what went wrong in Call, which cannot return it
}

var (
	_ engine.Recorder = (*Recording)(nil)
	_ engine.Ledger   = (*Recording)(nil)
)

// Start takes the lock, reads again what may have changed since Open, and recovers from a run
// that was cut short. Nothing about the new run is written before it changes something. A host
// that is locked is a *LockedError.
func (j *Journal) Start(ctx context.Context, h *host.Host, info Info, o Options) (*Recording, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	info.Args = slices.Clone(info.Args)
	r := &Recording{Journal: j, files: h.Files, info: info, options: o, changes: map[*engine.Change]*RunChange{}}
	r.describe(h)
	if err := r.lock(ctx); err != nil {
		return nil, err
	}
	err := r.reload()
	if err == nil {
		err = r.recover(h)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.info.ID = j.state.last + 1
	r.run = &Run{RunInfo: RunInfo{Info: r.info}}
	r.out = output{files: h.Files, path: runPath(r.info.ID)}
	return r, nil
}

// describe fills in who runs where.
func (r *Recording) describe(h *host.Host) {
	r.info.Began = r.options.Now().UTC()
	if r.info.PID == 0 {
		r.info.PID = os.Getpid()
	}
	if r.info.User == "" {
		r.info.User = user(h.Accounts)
	}
	if r.info.Boot == "" && !h.Offline {
		r.info.Boot = bootOf(h.Files.Tree)
	}
}

// user names who is at work: whoever called sudo rather than root.
func user(accounts host.Accounts) string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if uid := os.Getuid(); uid >= 0 {
		return accounts.UserName(uid)
	}
	return os.Getenv("USERNAME") // where users have no numbers
}

func (r *Recording) lock(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := makeDir(r.files); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, r.options.LockTimeout)
	defer cancel()
	holder := fmt.Sprintf("pid %d, %s, since %s", r.info.PID, r.info.Verb, r.info.Began.Format(time.RFC3339))
	lock, err := r.files.Lock(wait, lockPath, holder)
	if held, ok := errors.AsType[*host.LockedError](err); ok {
		return errors.Join(context.Cause(ctx), &LockedError{Holder: held.Holder, Err: err})
	}
	if err != nil {
		return fmt.Errorf("cannot lock the journal: %w", err)
	}
	r.held = lock
	return nil
}

// makeDir makes the journal's folder, which only root may look into.
func makeDir(files *host.Files) error {
	info, err := files.Stat(Dir)
	if err == nil && info.Kind == host.Dir && info.Mode&0o077 == 0 {
		return nil
	}
	if err == nil && info.Kind == host.Dir {
		err = files.SetAttr(Dir, host.Attr{Mode: 0o700, UID: -1, GID: -1})
	} else if err = files.MkdirAll(path.Dir(Dir), 0o755); err == nil {
		err = files.MkdirAll(Dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("cannot make the journal's folder: %w", err)
	}
	return nil
}

// reload reads the state again if a run changed it since, or it is another host's.
func (r *Recording) reload() error {
	j := r.Journal
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tree = r.files.Tree
	return j.load()
}

// Found returns the run before this one if it was cut short, or nil. Start has already removed
// the temporary files that it left and noted how it ended.
func (r *Recording) Found() *Run { return r.found }

// ID returns the number of the run, or 0 while it has recorded nothing.
func (r *Recording) ID() int {
	if !r.out.started {
		return 0
	}
	return r.info.ID
}

// Close lets go of the lock without saying how the run ended, as a crash would. After Finish it
// does nothing.
func (r *Recording) Close() error {
	err := r.out.close()
	if r.held != nil {
		err = errors.Join(err, r.held.Close())
		r.held = nil
	}
	return err
}
