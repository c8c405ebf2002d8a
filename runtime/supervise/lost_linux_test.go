package supervise_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker/workertest"
)

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
			begun := 0
			text, err := ask(t.Context(), s, prompt, 100, func(ev wire.Event) {
				if ev.Begun != nil {
					begun++
				}
			})
			if want := model.Text(prompt, 100); err != nil || text != want || begun != 1 {
				t.Errorf("%s: %q, %v, want %q; it began %d times", prompt, text, err, want, begun)
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

// crowd asks for so many texts of n tokens at once, each of which has to be what the model says. wait waits for them.
func crowd(t *testing.T, s *supervise.Supervisor, prompts, n int) (wait func()) {
	model := &workertest.Model{}
	var wg sync.WaitGroup
	for i := range prompts {
		wg.Go(func() {
			prompt := fmt.Sprintf("number %d", i)
			text, err := ask(t.Context(), s, prompt, n, nil)
			if want := model.Text(prompt, n); err != nil || text != want {
				t.Errorf("%s: %q, %v", prompt, text, err)
			}
		})
	}
	return wg.Wait
}

// A request of which engines die is found out among others, and costs nobody else anything.
func TestDeadlyRequest(t *testing.T) {
	for _, what := range []string{deadly, hanging} {
		t.Run(what, func(t *testing.T) {
			s, e := supervised(t, nil)
			ready(t, s)
			wait := crowd(t, s, 20, 50)
			_, err := ask(t.Context(), s, "this is "+what, 50, nil)
			if bad, ok := errors.AsType[*wire.Refused](err); !ok || bad.Code != wire.Internal {
				t.Errorf("the deadly one: %v", err)
			}
			wait()
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

// An engine that dies of a token far into a text is found out as well: whoever goes on with the text dies there again.
func TestDeadlyToken(t *testing.T) {
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want.Places = []supervise.Place{e.child(plan{deadlyAt: func(place int32) bool { return place == 60 }})}
	})
	ready(t, s)
	wait := crowd(t, s, 8, 40)
	const prompt = "this goes on"
	text, err := ask(t.Context(), s, prompt, 100, nil)
	if bad, ok := errors.AsType[*wire.Refused](err); !ok || bad.Code != wire.Internal || text != (&workertest.Model{}).Text(prompt, 60-len(prompt)+1) {
		t.Errorf("the deadly one: %q, %v", text, err)
	}
	wait()
	if st := s.Status(); st.Quarantined != 1 || e.count > 4 {
		t.Errorf("%d engines, %+v", e.count, st)
	}
}

// Who is alone with engines that die, and goes on each time, is not held guilty: it is not what they die of.
func TestDeathsOfOthersMaking(t *testing.T) {
	left := []int32{30, 50, 70, 90}
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want.Places = []supervise.Place{e.child(plan{deadlyAt: func(place int32) bool {
			if len(left) == 0 || place != left[0] {
				return false
			}
			left = left[1:] // one engine computes at a time
			return true
		}})}
	})
	ready(t, s)
	const prompt = "this goes on"
	text, err := ask(t.Context(), s, prompt, 100, nil)
	if want := (&workertest.Model{}).Text(prompt, 100); err != nil || text != want {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
	if st := s.Status(); e.count != 5 || st.Quarantined != 0 || st.Exits["killed"] != 4 {
		t.Errorf("%d engines, %+v", e.count, st)
	}
}
