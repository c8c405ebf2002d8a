package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker/workertest"
)

// want is the wish for a child.
func (e *engines) want(p plan, drain time.Duration) supervise.Want {
	return supervise.Want{Config: p.config, Drain: drain, Places: []supervise.Place{e.child(p)}}
}

// swapping is a supervisor whose first engine is ready.
func swapping(t *testing.T, p plan, change func(*supervise.Config)) (*supervise.Supervisor, *engines) {
	t.Helper()
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want = e.want(p, time.Minute)
		if change != nil {
			change(c)
		}
	})
	ready(t, s)
	return s, e
}

// swapped waits until the engine with a configuration has the requests, and the one before is gone.
func swapped(t *testing.T, s *supervise.Supervisor, config string) {
	t.Helper()
	until(t, config+" serves alone", func() bool {
		st := s.Status()
		return st.Ready != nil && st.Hello.Config == config && st.Swap == nil
	})
}

func text(model, prompt string, n int) string {
	return (&workertest.Model{Salt: model}).Text(prompt, n)
}

// Engines that take over from each other again and again cost no request, and no text is another than it is alone: what was
// begun is ended where it began or, where there is no time for that, goes on in the next one.
func TestSwapUnderLoad(t *testing.T) {
	s, e := swapping(t, plan{config: "0"}, nil)
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 50 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				prompt := fmt.Sprintf("request %d of %d", n, i)
				got, err := ask(t.Context(), s, prompt, 20+i*3, nil)
				if want := text("", prompt, 20+i*3); err != nil || got != want {
					t.Errorf("%s: %q, %v, want %q", prompt, got, err, want)
					return
				}
			}
		})
	}
	const swaps = 10
	for i := range swaps {
		before := e.current()
		config := fmt.Sprint(i + 1)
		s.Change(e.want(plan{config: config}, time.Duration(i%2)*time.Minute))
		swapped(t, s, config)
		<-before.ctx.Done() // it was told to end, and did
	}
	close(stop)
	load.Wait()
	st := s.Status()
	t.Logf("%d swaps, %d replayed, %d continued", st.Swaps["done"], st.Replayed, st.Continued)
	if st.Swaps["done"] != swaps || e.count != swaps+1 || len(st.Exits) != 0 || st.Continued == 0 || st.Quarantined != 0 {
		t.Errorf("%d engines: %+v", e.count, st)
	}
}

// asked is a text that is being generated.
type asked struct {
	begun, ended chan struct{}
	text         string
	err          error
}

// begin asks for a text.
func begin(ctx context.Context, s *supervise.Supervisor, prompt string, n int) *asked {
	a := &asked{begun: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		var once sync.Once
		a.text, a.err = ask(ctx, s, prompt, n, func(ev wire.Event) {
			if ev.Token != nil {
				once.Do(func() { close(a.begun) })
			}
		})
	}()
	return a
}

// is waits until a text is there, and compares it.
func (a *asked) is(t *testing.T, want string) {
	t.Helper()
	<-a.ended
	if a.err != nil || a.text != want {
		t.Errorf("%q, %v, want %q", a.text, a.err, want)
	}
}

// step lets an engine compute until all texts have begun.
func step(t *testing.T, steps chan<- struct{}, all ...*asked) {
	t.Helper()
	for _, a := range all {
		until(t, "a text begins", func() bool {
			select {
			case <-a.begun:
				return true
			case steps <- struct{}{}:
			default:
			}
			return false
		})
	}
}

// With another model, what was begun is ended by the model that began it; what was not, and what is new, is the other's.
func TestSwapToAnotherModel(t *testing.T) {
	steps := make(chan struct{})
	s, e := swapping(t, plan{config: "1", model: "one", steps: steps}, func(c *supervise.Config) { c.Hang = time.Hour })
	var all []*asked
	for i := range 4 { // as many as it computes at once
		all = append(all, begin(t.Context(), s, fmt.Sprint("begun ", i), 150))
	}
	step(t, steps, all...)
	var waiting []*asked
	for i := range 8 {
		waiting = append(waiting, begin(t.Context(), s, fmt.Sprint("waits ", i), 10))
	}
	s.Change(e.want(plan{config: "2", model: "two"}, time.Hour))
	for i, a := range waiting { // the old engine computes nothing all the while
		a.is(t, text("two", fmt.Sprint("waits ", i), 10))
	}
	if st := s.Status(); st.Ready.Model.Path != "two" || st.Swap == nil || st.Swap.State != wire.SwapDraining || st.Swap.Left != 4 {
		t.Errorf("while the old one drains: %+v, %+v", st.Ready, st.Swap)
	}
	close(steps)
	for i, a := range all {
		a.is(t, text("one", fmt.Sprint("begun ", i), 150))
	}
	swapped(t, s, "2")
}

// Where the time to drain is over, a text goes on in the new engine only if its model is the same.
func TestSwapDrainIsOver(t *testing.T) {
	for _, model := range []string{"one", "two"} {
		t.Run(model, func(t *testing.T) {
			steps := make(chan struct{})
			s, e := swapping(t, plan{config: "1", model: "one", steps: steps}, func(c *supervise.Config) { c.Hang = time.Hour })
			a := begin(t.Context(), s, "begun", 150)
			step(t, steps, a)
			s.Change(e.want(plan{config: "2", model: model}, 20*time.Millisecond))
			whole := text("one", "begun", 150)
			if model == "one" {
				a.is(t, whole)
				return
			}
			<-a.ended
			bad, ok := errors.AsType[*wire.UnavailableError](a.err)
			if !ok || !strings.Contains(bad.Reason, "the model was changed") || !strings.HasPrefix(whole, a.text) || a.text == "" {
				t.Errorf("%q, %v", a.text, a.err)
			}
		})
	}
}

// Where the new engine fails, in whatever way, the old one serves as before, and it is said why.
func TestSwapFails(t *testing.T) {
	never := make(chan struct{})
	for name, c := range map[string]struct {
		plan plan
		why  string
	}{
		"no model":       {plan{config: "2", failed: "the model is damaged"}, "the model is damaged"},
		"dies":           {plan{config: "2", dies: true}, "ended before it was ready"},
		"gets nowhere":   {plan{config: "2", slow: never}, "did not get on"},
		"another config": {plan{config: "3"}, "another configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			steps := make(chan struct{})
			s, e := swapping(t, plan{config: "1", steps: steps}, func(c *supervise.Config) { c.Prove, c.Hang = 300*time.Millisecond, time.Hour })
			old := e.current()
			a := begin(t.Context(), s, "begun", 200)
			step(t, steps, a)
			want := e.want(c.plan, 0)
			want.Config = "2"
			s.Change(want)
			until(t, "it fails", func() bool { w := s.Status().Swap; return w != nil && w.State == wire.SwapFailed })
			st := s.Status()
			if st.Ready == nil || st.Hello.Config != "1" || !strings.Contains(strings.Join(st.Degraded, ""), c.why) || st.Swaps["failed"] != 1 {
				t.Errorf("%+v", st)
			}
			if e.current() == old {
				t.Error("no other engine was started")
			}
			<-e.current().ctx.Done()
			close(steps)
			a.is(t, text("", "begun", 200))
			if old.ctx.Err() != nil {
				t.Error("the old engine ended")
			}
			s.Change(e.want(plan{config: "4"}, 0))
			swapped(t, s, "4")
			if st := s.Status(); len(st.Degraded) != 0 {
				t.Errorf("after a change that went well: %v", st.Degraded)
			}
		})
	}
	t.Run("cannot be started", func(t *testing.T) {
		s, _ := swapping(t, plan{config: "1"}, nil)
		s.Change(supervise.Want{Config: "2", Places: []supervise.Place{{Start: func(context.Context) (*supervise.Process, error) {
			return nil, errors.New("no such program")
		}}}})
		until(t, "it fails", func() bool { w := s.Status().Swap; return w != nil && strings.Contains(w.Why, "no such program") })
		if _, err := ask(t.Context(), s, "hello", 5, nil); err != nil {
			t.Error(err)
		}
	})
}

// A change that is not wanted any more does not keep another one waiting, and the old engine's death meanwhile costs nothing.
func TestSwapSuperseded(t *testing.T) {
	steps := make(chan struct{})
	s, e := swapping(t, plan{config: "1", steps: steps}, func(c *supervise.Config) { c.Hang = time.Hour })
	old := e.current()
	never, soon := make(chan struct{}), make(chan struct{})
	s.Change(e.want(plan{config: "2", slow: never}, 0))
	until(t, "the second is being started", func() bool { return e.current() != old })
	second := e.current()
	a := begin(t.Context(), s, "begun", 200)
	step(t, steps, a)
	s.Change(e.want(plan{config: "3", slow: soon}, time.Minute))
	<-second.ctx.Done()
	until(t, "the third is being started", func() bool { return e.current() != second })
	old.kill()
	until(t, "the first is there again", func() bool { st := s.Status(); return st.Exits["killed"] == 1 && st.Ready != nil })
	if st := s.Status(); st.Hello.Config != "1" || st.Swap == nil || st.Swap.State != wire.SwapStarting {
		t.Errorf("%+v, %+v", st.Hello, st.Swap)
	}
	close(soon)
	close(steps)
	a.is(t, text("", "begun", 200))
	swapped(t, s, "3")
	if st := s.Status(); st.Swaps["superseded"] != 1 || st.Swaps["done"] != 1 || st.Swaps["failed"] != 0 {
		t.Errorf("%v", st.Swaps)
	}
}

// An engine without a model, which serves nobody, gives way to one that has one.
func TestSwapFromNothing(t *testing.T) {
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want = e.want(plan{config: "1", failed: "the model is missing"}, 0)
	})
	until(t, "it is said", func() bool { return s.Status().Why == "the model is missing" })
	s.Change(e.want(plan{config: "2"}, 0))
	swapped(t, s, "2")
	if got, err := ask(t.Context(), s, "hello", 5, nil); err != nil || got != text("", "hello", 5) {
		t.Errorf("%q, %v", got, err)
	}
}

// A request of which engines die does so with the one that takes over too, and costs nobody else anything.
func TestSwapWithDeadlyRequest(t *testing.T) {
	steps := make(chan struct{})
	s, e := swapping(t, plan{config: "1", steps: steps}, func(c *supervise.Config) { c.Hang = time.Hour })
	a := begin(t.Context(), s, "begun", 200)
	step(t, steps, a)
	var bad error
	var work sync.WaitGroup
	work.Go(func() { _, bad = ask(t.Context(), s, "this is "+deadly, 50, nil) })
	for i := range 8 {
		work.Go(func() {
			prompt := fmt.Sprint("other ", i)
			if got, err := ask(t.Context(), s, prompt, 30, nil); err != nil || got != text("", prompt, 30) {
				t.Errorf("%s: %q, %v", prompt, got, err)
			}
		})
	}
	s.Change(e.want(plan{config: "2"}, time.Hour))
	work.Wait()
	close(steps)
	if refused, ok := errors.AsType[*wire.Refused](bad); !ok || refused.Code != wire.Internal {
		t.Errorf("the deadly one: %v", bad)
	}
	a.is(t, text("", "begun", 200))
	swapped(t, s, "2")
	if st := s.Status(); st.Quarantined != 1 {
		t.Errorf("%+v", st)
	}
}
