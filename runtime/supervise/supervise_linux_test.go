package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	for _, e := range batch {
		text = f.Piece(text, e.Token, false)
	}
	switch {
	case strings.Contains(string(text), deadly):
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

// until waits for a condition.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func ready(t *testing.T, s *supervise.Supervisor) {
	t.Helper()
	until(t, "ready", func() bool { return s.Status().Ready != nil })
}

// ask returns what comes after a prompt.
func ask(ctx context.Context, s *supervise.Supervisor, prompt string, n int, tell func(wire.Event)) (string, error) {
	var text strings.Builder
	err := s.Generate(ctx, &wire.Request{Text: &prompt, MaxTokens: n}, func(e wire.Event) {
		if e.Token != nil {
			text.WriteString(e.Token.Text)
		}
		if e.Done != nil {
			text.WriteString(e.Done.Text)
		}
		if tell != nil {
			tell(e)
		}
	})
	return text.String(), err
}

// Engines that are killed at any time cost no request: each gets the text that it would have got.
func TestKilledUnderLoad(t *testing.T) {
	s, e := supervised(t, nil)
	ready(t, s)
	model := &workertest.Model{}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range 100 {
		wg.Go(func() {
			prompt := fmt.Sprintf("request number %d", i)
			text, err := ask(t.Context(), s, prompt, 100, nil)
			if want := model.Text(prompt, 100); err != nil || text != want {
				t.Errorf("%s: %q, %v, want %q", prompt, text, err, want)
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	kills := 0
	chance := rand.New(rand.NewPCG(1, 2))
	at := uint64(300)
	for running := true; running && kills < 20; {
		if st := s.Status(); st.Ready != nil && st.State.Generated > at {
			e.current().kill()
			kills++
			at = 100 + chance.Uint64N(400)
			until(t, "it is noticed", func() bool { return s.Status().Exits["killed"] >= uint64(kills) })
		}
		select {
		case <-done:
			running = false
		case <-time.After(time.Millisecond):
		}
	}
	<-done
	st := s.Status()
	t.Logf("%d kills, %d replayed, %d continued", kills, st.Replayed, st.Continued)
	if kills == 0 || st.Exits["killed"] < uint64(kills) || st.Continued == 0 || st.Quarantined != 0 {
		t.Errorf("%d kills: %+v", kills, st)
	}
}

// A request of which engines die is found out among others, and costs nobody else anything.
func TestDeadlyRequest(t *testing.T) {
	for _, what := range []string{deadly, hanging} {
		t.Run(what, func(t *testing.T) {
			s, e := supervised(t, nil)
			ready(t, s)
			model := &workertest.Model{}
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					prompt := fmt.Sprintf("request number %d", i)
					text, err := ask(t.Context(), s, prompt, 50, nil)
					if want := model.Text(prompt, 50); err != nil || text != want {
						t.Errorf("%s: %q, %v", prompt, text, err)
					}
				})
			}
			_, err := ask(t.Context(), s, "this is "+what, 50, nil)
			if bad, ok := errors.AsType[*wire.Refused](err); !ok || bad.Code != wire.Internal {
				t.Errorf("the deadly one: %v", err)
			}
			wg.Wait()
			if st := s.Status(); st.Quarantined != 1 || e.count > 4 {
				t.Errorf("%d engines, %+v", e.count, st)
			}
			before := e.count
			if _, err := ask(t.Context(), s, "this is "+what, 50, nil); err == nil || e.count != before {
				t.Errorf("the same once more: %v, %d engines", err, e.count)
			}
			if want := map[string]string{deadly: "killed", hanging: "hung"}[what]; s.Status().Exits[want] < 2 {
				t.Errorf("exits: %v", s.Status().Exits)
			}
		})
	}
}

// An engine that has nothing to do is not hung.
func TestIdleIsNotHung(t *testing.T) {
	s, e := supervised(t, func(c *supervise.Config, _ *engines) { c.Hang = 30 * time.Millisecond })
	ready(t, s)
	time.Sleep(300 * time.Millisecond) // ten times as long as work may take
	if _, err := ask(t.Context(), s, "hello", 5, nil); err != nil || e.count != 1 {
		t.Errorf("%v, %d engines", err, e.count)
	}
}

func TestNoModel(t *testing.T) {
	s, _ := supervised(t, func(_ *supervise.Config, e *engines) { e.failed = "the model is missing" })
	until(t, "it is said", func() bool { return s.Status().Why == "the model is missing" })
	_, err := ask(t.Context(), s, "hello", 5, nil)
	if bad, ok := errors.AsType[*wire.UnavailableError](err); !ok || bad.Reason != "the model is missing" || bad.RetryAfter < time.Second {
		t.Errorf("%v", err)
	}
	if _, err := s.Ask(t.Context(), &wire.ToEngine{Tokenize: &wire.Tokenize{Text: "x"}}); err == nil {
		t.Error("it was asked all the same")
	}
}

// Who goes away frees the engine, which computes a batch at a time here: it cannot be done before it hears of it.
func TestCancel(t *testing.T) {
	steps := make(chan struct{})
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want.Places = []supervise.Place{e.child(plan{steps: steps})}
	})
	ready(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range 2 { // the prompt, and a token
			steps <- struct{}{}
		}
	}()
	_, err := ask(ctx, s, "this goes on", 200, func(ev wire.Event) {
		if ev.Token != nil {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	more := 0
	until(t, "nothing is computed", func() bool {
		select {
		case steps <- struct{}{}:
			more++
		default:
		}
		time.Sleep(10 * time.Millisecond) // for the word to arrive
		st := s.Status().State
		return len(st.Running) == 0 && st.Waiting == 0
	})
	if more > 150 {
		t.Errorf("it went on for %d batches", more)
	}
	if n := e.current().Samplers; n != 0 {
		t.Errorf("%d samplers are open", n)
	}
}

func TestAsk(t *testing.T) {
	s, _ := supervised(t, nil)
	ready(t, s)
	r, err := s.Ask(t.Context(), &wire.ToEngine{Tokenize: &wire.Tokenize{Text: "hé"}})
	if err != nil || len(r.Tokens) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = s.Ask(t.Context(), &wire.ToEngine{Detokenize: &wire.Detokenize{Tokens: r.Tokens}}); err != nil || r.Text != "hé" {
		t.Errorf("%+v, %v", r, err)
	}
}
