package supervise_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
	"github.com/agent0-converge/agent0-converge/runtime/worker/workertest"
)

// deadly is a prompt of which an engine dies, hanging one of which it hangs.
const deadly, hanging = "deadly", "hanging"

// engines starts engines in this process: real schedulers and sessions over a socket, and a model made for tests.
type engines struct {
	t *testing.T
	// failed, if not "", is why no engine has a model.
	failed string

	mu    sync.Mutex
	last  *fake
	count int
}

// plan is how an engine is.
type plan struct {
	// config is the digest that it says, model its model, and failed why it has none.
	config, model, failed string
	// dies has it end before it is ready. slow, if not nil, is closed when it may become ready.
	dies bool
	slow chan struct{}
	// deadlyAt, if not nil, says of which places in a sequence it dies.
	deadlyAt func(place int32) bool
	// steps, if not nil, lets it compute: a batch for each thing that comes, and as it likes when it is closed.
	steps chan struct{}
	// lonely is how long it stays without a front; 0 is for ever.
	lonely time.Duration
}

// fake is one of them.
type fake struct {
	*workertest.Model
	plan    plan
	session *session.Server
	// ctx ends with it, and kill ends it.
	ctx  context.Context
	kill func()
	hang chan struct{} // closed to let it go on
	work sync.WaitGroup
}

// wait waits until the engine may compute.
func (f *fake) wait() {
	if f.plan.steps != nil {
		select {
		case <-f.plan.steps:
		case <-f.ctx.Done():
		}
	}
}

// Decode dies or hangs of what it finds in the batch.
func (f *fake) Decode(batch []spec.Entry) error {
	f.wait()
	var text []byte
	dies := false
	for _, e := range batch {
		text = f.Piece(text, e.Token, false)
		dies = dies || f.plan.deadlyAt != nil && f.plan.deadlyAt(e.Pos)
	}
	switch {
	case dies, strings.Contains(string(text), deadly):
		f.kill()
		return errors.New("died")
	case strings.Contains(string(text), hanging):
		<-f.hang
		return errors.New("hung")
	}
	return f.Model.Decode(batch)
}

// launch starts an engine that has no front yet.
func (e *engines) launch(p plan) *fake {
	ctx, stop := context.WithCancel(context.Background())
	m := &fake{Model: &workertest.Model{Cells: 1024, Sequences: 8, Salt: p.model}, plan: p, ctx: ctx, kill: stop, hang: make(chan struct{})}
	context.AfterFunc(ctx, func() { close(m.hang) })
	s := &session.Server{Lonely: p.lonely, Hello: wire.Hello{Protocol: wire.Version, Config: p.config}}
	m.session = s
	sched := worker.New(worker.Config{
		Vocabulary: workertest.Vocabulary, Parallel: 4, Slots: 8, Context: 256, Batch: 64, Chunk: 32, MaxWaiting: 1000, MaxWait: time.Hour,
	}, m, m, s.Emit)
	m.work.Go(func() { sched.Run(ctx) })
	m.work.Go(func() {
		if p.slow != nil {
			select {
			case <-p.slow:
			case <-ctx.Done():
			}
		}
		switch {
		case p.dies:
			stop()
		case p.failed != "":
			s.Tell(&wire.FromEngine{Failed: p.failed})
		default:
			s.Answer(&session.Engine{Scheduler: sched, Vocabulary: m}, &wire.Ready{Step: time.Millisecond, Model: wire.Model{Path: p.model}})
		}
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = m
	e.count++
	return m
}

func (e *engines) start(ctx context.Context) (*supervise.Process, error) {
	return e.child(plan{failed: e.failed}).Start(ctx)
}

// child is the place of an engine that is a child.
func (e *engines) child(p plan) supervise.Place {
	return supervise.Place{Start: func(context.Context) (*supervise.Process, error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		conns := [2]net.Conn{}
		for i, fd := range fds {
			f := os.NewFile(uintptr(fd), "pair")
			if conns[i], err = net.FileConn(f); err != nil {
				return nil, err
			}
			f.Close()
		}
		m := e.launch(p)
		stop := m.kill
		m.kill = func() {
			conns[1].Close() // as the kernel does at once
			stop()
		}
		how := "killed"
		m.work.Go(func() {
			defer stop()
			if err := m.session.ServeConn(m.ctx, conns[1]); errors.Is(err, session.ErrEnd) {
				how = "exit status 0"
			}
		})
		return &supervise.Process{Conn: conns[0], Kill: m.kill, Wait: func() string { m.work.Wait(); return how }}, nil
	}}
}

// current returns the engine that was started last.
func (e *engines) current() *fake {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

func supervised(t *testing.T, change func(*supervise.Config, *engines)) (*supervise.Supervisor, *engines) {
	t.Helper()
	e := &engines{t: t}
	cfg := supervise.DefaultConfig()
	cfg.Want.Places, cfg.Hang = []supervise.Place{{Start: e.start}}, 2*time.Second
	if change != nil {
		change(&cfg, e)
	}
	s := supervise.New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return s, e
}
