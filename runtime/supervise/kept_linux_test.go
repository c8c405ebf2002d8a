package supervise_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// kept is a socket with an engine as systemd keeps one: a connection starts it, with what the configuration is then; one that
// fails is started again; one that ended well is not, until the next connection.
type kept struct {
	e *engines
	l *net.UnixListener

	mu   sync.Mutex
	plan plan  // for the next engine
	live *fake // nil while there is none
	runs int
}

// handed is the socket as the engine has it: it stays open when the engine closes it.
type handed struct {
	*net.UnixListener
	first chan net.Conn

	mu   sync.Mutex
	left bool
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.first:
		return c, nil
	default:
		return h.UnixListener.Accept()
	}
}

func (h *handed) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		return nil
	}
	return h.SetDeadline(time.Now())
}

// leave takes the socket from an engine that has ended.
func (h *handed) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = true
	h.SetDeadline(time.Time{})
}

func (e *engines) keep(t *testing.T, name string, p plan) *kept {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), name), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{e: e, l: l, plan: p}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); k.serve(ctx) }()
	t.Cleanup(func() { stop(); l.Close(); <-ended })
	return k
}

func (k *kept) serve(ctx context.Context) {
	first := make(chan net.Conn, 1) // whom an engine did not get to, as it ended, waits for the next
	for again := false; ctx.Err() == nil; {
		h := &handed{UnixListener: k.l, first: first}
		if !again && len(first) == 0 {
			c, err := k.l.Accept()
			if err != nil {
				return
			}
			first <- c
		}
		k.mu.Lock()
		f := k.e.launch(k.plan)
		k.live = f
		k.runs++
		k.mu.Unlock()
		stop := context.AfterFunc(ctx, f.kill)
		err := f.session.Serve(f.ctx, h)
		again = !errors.Is(err, session.ErrEnd)
		f.kill()
		f.work.Wait()
		stop()
		h.leave()
		k.mu.Lock()
		k.live = nil
		k.mu.Unlock()
	}
}

// state returns how many engines were started, and the one that there is.
func (k *kept) state() (int, *fake) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.runs, k.live
}

// configure says how the next engine is.
func (k *kept) configure(p plan) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.plan = p
}

// pair are two sockets, and what a supervisor has said of which it uses.
type pair struct {
	a, b *kept
	e    *engines

	mu   sync.Mutex
	used supervise.Use
}

func newPair(t *testing.T, p plan) *pair {
	t.Helper()
	e := &engines{t: t}
	return &pair{a: e.keep(t, "a", p), b: e.keep(t, "b", p), e: e}
}

func (k *kept) name() string { return k.l.Addr().String() }

func (p *pair) want(config string) supervise.Want {
	return supervise.Want{Config: config, Drain: time.Minute, Places: []supervise.Place{supervise.Socket(p.a.name()), supervise.Socket(p.b.name())}}
}

// front is a supervisor that knows what the one before it said. stop ends it, as a front ends.
func (p *pair) front(t *testing.T, config string) (s *supervise.Supervisor, stop func()) {
	t.Helper()
	cfg := supervise.DefaultConfig()
	cfg.Want, cfg.Used, cfg.Hang = p.want(config), p.use(), time.Hour
	cfg.Using = func(u supervise.Use) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.used = u
	}
	s = supervise.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return s, stop
}

func (p *pair) use() supervise.Use {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// is waits until so many engines were started at each socket, and those that are there are as said.
func (p *pair) is(t *testing.T, what string, runsA int, liveA bool, runsB int, liveB bool) {
	t.Helper()
	until(t, what, func() bool {
		ra, la := p.a.state()
		rb, lb := p.b.state()
		return ra == runsA && (la != nil) == liveA && rb == runsB && (lb != nil) == liveB
	})
}

// Engines that somebody else keeps take over from each other by turns; which has the requests is remembered, and the other one
// does not run.
func TestSwapBetweenSockets(t *testing.T) {
	p := newPair(t, plan{config: "1"})
	s, stop := p.front(t, "1")
	swapped(t, s, "1")
	p.is(t, "the first alone", 1, true, 0, false)
	p.a.configure(plan{config: "2"})
	p.b.configure(plan{config: "2"})
	s.Change(p.want("2"))
	swapped(t, s, "2")
	p.is(t, "the second alone", 1, false, 1, true)
	until(t, "it is remembered", func() bool { u := p.use(); return u.Current == p.b.name() && len(u.Others) == 0 })
	stop()
	s, _ = p.front(t, "2")
	swapped(t, s, "2")
	if got, err := ask(t.Context(), s, "hello", 5, nil); err != nil || got != text("", "hello", 5) {
		t.Errorf("%q, %v", got, err)
	}
	p.is(t, "the same after a front that was started again", 1, false, 1, true)
	p.a.configure(plan{config: "3"})
	s.Change(p.want("3"))
	swapped(t, s, "3")
	p.is(t, "and back", 2, true, 1, false)
}

// A front that ends in the middle of a change leaves the engine that is to take over as far as it has come.
func TestFrontEndsMidSwap(t *testing.T) {
	p := newPair(t, plan{config: "1"})
	s, stop := p.front(t, "1")
	swapped(t, s, "1")
	soon := make(chan struct{})
	p.b.configure(plan{config: "2", slow: soon})
	s.Change(p.want("2"))
	p.is(t, "the second is being started", 1, true, 1, true)
	until(t, "it is known where engines are", func() bool { u := p.use(); return u.Current == p.a.name() && len(u.Others) == 1 })
	stop()
	s, _ = p.front(t, "2")
	until(t, "the old one serves and the new one is being started", func() bool {
		st := s.Status()
		return st.Ready != nil && st.Hello.Config == "1" && st.Swap != nil && st.Swap.State == wire.SwapStarting
	})
	close(soon)
	swapped(t, s, "2")
	p.is(t, "the second alone", 1, false, 1, true)
}

// A front that ends when another engine has taken over, and the old one still computes: the next front ends that.
func TestFrontEndsWhileDraining(t *testing.T) {
	steps := make(chan struct{})
	p := newPair(t, plan{config: "1", steps: steps})
	s, stop := p.front(t, "1")
	swapped(t, s, "1")
	a := begin(t.Context(), s, "begun", 100)
	step(t, steps, a)
	p.b.configure(plan{config: "2"})
	s.Change(p.want("2"))
	until(t, "it drains", func() bool { w := s.Status().Swap; return w != nil && w.State == wire.SwapDraining })
	until(t, "it is known where engines are", func() bool { u := p.use(); return u.Current == p.b.name() && len(u.Others) == 1 })
	stop()
	<-a.ended
	close(steps)
	s, _ = p.front(t, "2")
	swapped(t, s, "2")
	p.is(t, "the second alone", 1, false, 1, true)
	until(t, "nothing else is remembered", func() bool { return len(p.use().Others) == 0 })
}

// An engine that cannot take over, and is started again and again by who keeps it, is told to end for good. One that dies while it is
// told, and is started once more, ends as no front comes.
func TestSwapToSocketFails(t *testing.T) {
	for name, c := range map[string]struct {
		plan plan
		left bool // is told to end where it is, and is not started again by itself
	}{
		"dies":     {plan{config: "2", dies: true}, false},
		"no model": {plan{config: "2", failed: "no memory"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, plan{config: "1"})
			s, _ := p.front(t, "1")
			swapped(t, s, "1")
			p.b.configure(c.plan)
			s.Change(p.want("2"))
			until(t, "it fails", func() bool { return s.Status().Swaps["failed"] == 1 })
			p.b.configure(plan{config: "2", slow: make(chan struct{}), lonely: time.Second}) // it stays long enough to be told
			until(t, "the second is at rest", func() bool {
				_, live := p.b.state()
				return live == nil && len(p.use().Others) == 0
			})
			if runs, live := p.a.state(); runs != 1 || live == nil {
				t.Errorf("the first: %d engines, %v", runs, live)
			}
			if got, err := ask(t.Context(), s, "hello", 5, nil); err != nil || got != text("", "hello", 5) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// An engine that is found with a configuration of before is not what takes over: one with that of now is.
func TestStaleEngine(t *testing.T) {
	p := newPair(t, plan{config: "0"})
	c, err := net.Dial("unix", p.b.name())
	if err != nil {
		t.Fatal(err)
	}
	p.is(t, "one is left at the second socket", 0, false, 1, true)
	c.Close()
	p.a.configure(plan{config: "1"})
	p.b.configure(plan{config: "2"})
	s, _ := p.front(t, "2")
	swapped(t, s, "2")
	p.is(t, "one that was started anew serves", 1, false, 2, true)
}

// With one socket an engine that serves is not changed, and it is said why; one that does not serve is.
func TestOneSocket(t *testing.T) {
	p := newPair(t, plan{config: "1"})
	one := func(config string) supervise.Want {
		w := p.want(config)
		w.Places = w.Places[:1]
		return w
	}
	s, _ := p.front(t, "1")
	swapped(t, s, "1")
	p.a.configure(plan{config: "2", failed: "no model"})
	s.Change(one("2"))
	until(t, "it is refused", func() bool { return s.Status().Swaps["failed"] == 1 })
	if st := s.Status(); st.Ready == nil || len(st.Degraded) != 1 {
		t.Errorf("%+v", st)
	}
	_, live := p.a.state()
	live.kill()
	until(t, "the new one has no model", func() bool { return s.Status().Why == "no model" })
	p.a.configure(plan{config: "3"})
	s.Change(one("3"))
	swapped(t, s, "3")
}

// An engine that dies and comes back with another model does not go on with the words of the one before.
func TestOtherModelAfterDeath(t *testing.T) {
	steps := make(chan struct{})
	p := newPair(t, plan{model: "one", steps: steps})
	s, _ := p.front(t, "")
	ready(t, s)
	a := begin(t.Context(), s, "begun", 100)
	step(t, steps, a)
	b := begin(t.Context(), s, "waits", 20)
	p.a.configure(plan{model: "two"})
	_, live := p.a.state()
	live.kill()
	<-a.ended
	if bad, ok := errors.AsType[*wire.UnavailableError](a.err); !ok || !strings.Contains(bad.Reason, "the model was changed") {
		t.Errorf("%q, %v", a.text, a.err)
	}
	b.is(t, text("two", "waits", 20))
}
