package trace

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Run runs cmd, not yet started, traced with all its threads and descendants, and returns when
// they are all gone: it waits for children that the program leaves behind. If ctx ends, they are
// killed and the error is ctx's. That the program failed is no error: see Result.Status.
func Run(ctx context.Context, cmd *exec.Cmd, opt Options) (Result, error) {
	t, err := newTracer(opt)
	if err != nil {
		return Result{}, err
	}
	onQuietThread(func() { err = t.run(ctx, cmd) })
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("cannot finish the traced run: %w", context.Cause(ctx))
	}
	return t.res, err
}

// tracer is one run. All but mu, tids and dying belong to the tracing thread.
type tracer struct {
	opt     Options
	classes map[uint64]Class
	names   map[uint64]string
	rec     *recorder // nil unless recording
	root    int       // the program itself
	busy    int       // the thread inside a point, or 0
	queue   []arrival // threads held at the entry of theirs
	blind   map[string]bool
	res     Result
	err     error // the first failure of our own

	mu    sync.Mutex
	tids  map[int]*thread
	dying bool // everything that still shows up is to be killed
}

// thread is one tracee.
type thread struct {
	process int
	fresh   bool  // its first SIGSTOP, which is ours, is still to come
	pending *call // the point it is inside
}

func newTracer(opt Options) (*tracer, error) {
	t := &tracer{opt: opt, classes: map[uint64]Class{}, names: others(), blind: map[string]bool{}, tids: map[int]*thread{}}
	for _, c := range Classes() {
		t.classes[c.Nr] = c
		t.names[c.Nr] = c.Name
	}
	if opt.Record {
		t.rec = &recorder{nodes: map[inode]Node{}}
	}
	t.opt.Under = nil
	for _, p := range opt.Under {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("cannot trace under %s: %w", p, err)
		}
		// The tracees' paths come without symlinks, so must these. What does not exist yet is kept.
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			abs = real
		}
		t.opt.Under = append(t.opt.Under, abs)
	}
	return t, nil
}

func (t *tracer) run(ctx context.Context, cmd *exec.Cmd) error {
	if err := t.start(cmd); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, t.kill)
	t.loop()
	stop()
	// The processes are reaped, so that this waits only for the copying of output.
	if err := cmd.Wait(); err != nil && !errors.Is(err, unix.ECHILD) && t.err == nil {
		t.err = fmt.Errorf("cannot wait for %s: %w", cmd.Path, err)
	}
	return t.err
}

// start leaves the program stopped after its exec, before its first instruction.
func (t *tracer) start(cmd *exec.Cmd) error {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Ptrace = true
	cmd.SysProcAttr = &attr
	if err := cmd.Start(); err != nil {
		return permitted(fmt.Errorf("cannot start %s traced: %w", cmd.Path, err))
	}
	t.root = cmd.Process.Pid
	t.tids[t.root] = &thread{process: t.root}
	var ws unix.WaitStatus
	if _, err := wait(t.root, &ws); err != nil {
		return fmt.Errorf("cannot wait for %s to stop: %w", cmd.Path, err)
	}
	if !ws.Stopped() {
		return fmt.Errorf("cannot trace %s: it ended before its first instruction", cmd.Path)
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	err := unix.PtraceSetOptions(t.root, options)
	if err == nil {
		_, err = getSyscallInfo(t.root)
	}
	if err != nil {
		t.kill()
		t.loop()
		return permitted(errors.Join(fmt.Errorf("cannot trace %s: %w", cmd.Path, err), ignoreChild(cmd.Wait())))
	}
	t.resume(t.root, 0)
	return nil
}

// permitted marks the errors by which a machine says that it has no ptrace for us.
func permitted(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	return err
}

func ignoreChild(err error) error {
	if errors.Is(err, unix.ECHILD) {
		return nil
	}
	return err
}

// wnothread is __WNOTHREAD, which x/sys lacks: other threads' children are not ours to reap.
const wnothread = 0x20000000

// wait waits for a stop or the end of pid, or of any of this thread's tracees if pid is -1.
func wait(pid int, ws *unix.WaitStatus) (int, error) {
	for {
		got, err := unix.Wait4(pid, ws, unix.WALL|wnothread, nil)
		if err != unix.EINTR {
			return got, err
		}
	}
}

// kill ends all tracees, and makes the loop end those still to appear. Any goroutine may call it.
func (t *tracer) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dying = true
	for tid := range t.tids {
		// ESRCH is one that is gone already.
		_ = unix.Kill(tid, unix.SIGKILL)
	}
}
