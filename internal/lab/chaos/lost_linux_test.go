package chaos_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// strike is what befalls engines.
type strike struct {
	name   string
	signal syscall.Signal
	times  int
	// reason is how the server then says that the engine was lost.
	reason string
}

// Engines that are killed, abort or hang while a hundred clients ask cost none of them anything: each gets the text that it gets
// alone, streams go on where they were, and nobody is told of it.
func TestEngineLostUnderLoad(t *testing.T) {
	for _, k := range []strike{
		{"kill -9", syscall.SIGKILL, 6, "signal: killed"},
		{"abort", syscall.SIGABRT, 3, "exit status 2"}, // Go's way of ending of it
		{"hang", syscall.SIGSTOP, 2, "hung"},
	} {
		t.Run(k.name, func(t *testing.T) { k.fall(t) })
	}
}

func (k *strike) fall(t *testing.T) {
	s := start(t, programs, func(r *spec.Runtime) {
		r.Hang = 2 * time.Second
		r.Engine.MaxWait = time.Hour // on a machine that is slow enough the crowd is too many for a minute
	})
	c := gather(t, s)
	c.come(clients)
	var back []time.Duration
	for range k.times {
		c.busy(300)
		back = append(back, k.once(c))
	}
	got := c.disperse()
	h, err := s.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("| %s × %d under %d clients | %v; %d replayed, %d continued; next token after %v (median), of which loading %v |",
		k.name, k.times, clients, got, h.Engine.Replayed, h.Engine.Continued, median(back), median(loads(s)))
	if n := h.Engine.Exits[k.reason]; n != uint64(k.times) || len(h.Engine.Exits) != 1 {
		t.Errorf("%d engines were struck, and the server lost %v", k.times, h.Engine.Exits)
	}
	if h.Engine.Quarantined != 0 || got.refused != 0 {
		t.Errorf("%d requests were given up, %d refused", h.Engine.Quarantined, got.refused)
	}
	if h.Engine.Replayed == 0 || h.Engine.Continued == 0 {
		t.Errorf("engines were lost, and %d requests replayed, %d continued", h.Engine.Replayed, h.Engine.Continued)
	}
	if err := c.healthy(); err != nil {
		t.Error(err)
	}
}

// once strikes the engine and returns how long it was until the next token came.
func (k *strike) once(c *crowd) time.Duration {
	c.t.Helper()
	old := c.server.Await(c.t, "ready", func(h serving.Health) bool { return h.Ready }).Engine.PID
	began := time.Now()
	if err := syscall.Kill(old, k.signal); err != nil {
		c.t.Fatal(err)
	}
	c.server.Await(c.t, "ready again", func(h serving.Health) bool { return h.Ready && h.Engine.PID != old })
	// Nothing of the old engine's is on its way any more: its place has been taken, and what it said had been read by then.
	c.busy(1)
	took := time.Since(began)
	if runs(old) {
		c.t.Errorf("the engine %d still runs", old)
	}
	return took
}

// loads returns how long the engines after the first took to load the model, by the front's log.
func loads(s *serving.Server) []time.Duration {
	var all []time.Duration
	for line := range strings.Lines(s.Front().Log()) {
		var said struct{ Msg, Load string }
		if json.Unmarshal([]byte(line), &said) != nil || said.Msg != "the engine has generated a token" {
			continue
		}
		if d, err := time.ParseDuration(said.Load); err == nil {
			all = append(all, d)
		}
	}
	return all[min(1, len(all)):]
}

// median is how long it was in the middle of all.
func median(all []time.Duration) string {
	if len(all) == 0 {
		return "nothing measured"
	}
	slices.Sort(all)
	return fmt.Sprint(all[len(all)/2].Round(time.Millisecond))
}
