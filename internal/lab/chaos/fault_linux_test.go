package chaos_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// A request of which engines abort, or hang, is given up with a clear error when two died that had nothing else; it costs
// nobody else anything, and the next time it costs no engine either.
func TestDeadlyRequestUnderLoad(t *testing.T) {
	for _, k := range []struct {
		name, prompt, reason string
		streams              []bool // of as many clients, who ask at once
	}{
		{"abort", "Please abort in C.", "exit status 2", []bool{false, true}},
		{"hang", "Please hang in C.", "hung", []bool{true}},
	} {
		t.Run(k.name, func(t *testing.T) {
			s := start(t, faulty, func(r *spec.Runtime) { r.Hang = 2 * time.Second })
			c := gather(t, s)
			c.come(clients)
			c.busy(200)
			deadly := ask{chat: true, body: map[string]any{"messages": []map[string]string{{"role": "user", "content": k.prompt}}}}
			var all sync.WaitGroup
			for _, stream := range k.streams {
				a := deadly.with(map[string]any{"max_tokens": 20, "user": "someone"})
				a.stream = stream
				all.Go(func() { condemned(t, c, a) })
			}
			all.Wait()
			c.busy(200)
			first := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
			condemned(t, c, deadly.with(map[string]any{"max_tokens": 20, "user": "another"}))
			got := c.disperse()
			h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
			t.Logf("| deadly request (%s) under %d clients | %v; %d engines lost, %d replayed, %d continued, %d given up |",
				k.name, clients, got, h.Engine.Exits[k.reason], h.Engine.Replayed, h.Engine.Continued, h.Engine.Quarantined)
			// Of each request an engine dies alone twice; before that it may be one in company.
			many := uint64(len(k.streams))
			if n := h.Engine.Exits[k.reason]; n < 2*many || n > 3*many || len(h.Engine.Exits) != 1 {
				t.Errorf("the server lost %v", h.Engine.Exits)
			}
			if h.Engine.Quarantined != many || got.refused != 0 {
				t.Errorf("%d requests were given up, %d refused", h.Engine.Quarantined, got.refused)
			}
			if h.Engine.PID != first.Engine.PID {
				t.Error("another engine died of what was known to be deadly")
			}
		})
	}
}

// condemned asks what engines die of.
func condemned(t *testing.T, c *crowd, a ask) {
	got := a.do(t.Context(), c.client, c.server.URL, nil)
	if got.status != http.StatusInternalServerError || got.code != "engine_error" || !strings.Contains(got.said, "died of this request twice") {
		t.Errorf("a deadly request got %v", &got)
	}
}

// An engine that hangs ends itself where nobody is there who could end it: its front has been killed.
func TestHungEngineEndsWithoutFront(t *testing.T) {
	s := start(t, faulty, func(r *spec.Runtime) { r.Hang, r.Engine.Watchdog = time.Hour, 2*time.Second })
	c := gather(t, s)
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	front := s.Front()
	hanging := ask{body: map[string]any{"prompt": "Please hang in C."}}
	asked := make(chan answer, 1)
	go func() { asked <- hanging.do(t.Context(), c.client, s.URL, nil) }()
	s.Await(t, "computing", func(h serving.Health) bool { return h.Engine.Running == 1 })
	if err := front.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got.err == nil {
		t.Errorf("a front that was killed answered: %v", &got)
	}
	serving.Eventually(t, "the engine ends", func() bool { return !runs(h.Engine.PID) })
}

// Where the model's file is gone when an engine has to be started again, clients are told so at once, at the port that stays
// open; when it is back the server is too.
func TestModelGone(t *testing.T) {
	tiny, err := serving.Tiny()
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(t.TempDir(), "model.gguf")
	copyFile(t, tiny, model)
	s := start(t, programs, func(r *spec.Runtime) { r.Engine.Model = []string{model} })
	c := gather(t, s)
	c.modelGoes = true
	c.come(clients)
	c.busy(300)
	away := model + ".away"
	rename(t, model, away)
	c.busy(300) // nothing is missing yet
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	if err := syscall.Kill(h.Engine.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h = s.Await(t, "out of order", func(h serving.Health) bool { return h.Status == "unavailable" && strings.Contains(h.Reason, "missing") })
	if h.Code != http.StatusServiceUnavailable || h.Ready {
		t.Errorf("health: %+v", h)
	}
	for range 20 {
		got := c.known[0].do(t.Context(), c.client, s.URL, nil)
		if _, properly := got.refused(); !properly || got.status != http.StatusServiceUnavailable || !strings.Contains(got.said, "model.gguf is missing") {
			t.Errorf("without a model: %v", &got)
		}
	}
	rename(t, away, model)
	s.Await(t, "back", func(h serving.Health) bool { return h.Ready })
	c.busy(300)
	got := c.disperse()
	t.Logf("| model gone, engine killed, model back, under %d clients | %v |", clients, got)
	if got.refused == 0 {
		t.Error("nobody was refused")
	}
	if err := c.healthy(); err != nil {
		t.Error(err)
	}
}
