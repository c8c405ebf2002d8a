package swap_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

const name = "agent0-tiny"

// The model's file, the context and the number of sequences are changed by turns while many ask: none fails.
func TestSwapUnderLoad(t *testing.T) {
	dir := t.TempDir()
	twin := another(t, dir)
	s := serving.Serve(t, programs, dir, func(c *spec.Runtime) { c.Server.Aliases = []string{"all-the-while"} })
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	tiny := s.Config.Engine.Model[0]
	l := newLoad(t.Context(), s, "all-the-while", 16, alone(t, s, name))
	changes := []func(*spec.Runtime){
		func(c *spec.Runtime) { c.Engine.Model, c.Server.Model = []string{twin}, "agent0-twin" },
		func(c *spec.Runtime) { c.Engine.Context, c.Server.Model = 200, "agent0-twin-200" },
		func(c *spec.Runtime) { c.Engine.Model, c.Engine.Parallel, c.Server.Model = []string{tiny}, 2, name },
	}
	for _, f := range changes {
		l.more(t, 40)
		before := h.Engine.PID
		change(t, s, f)
		h = s.Await(t, "another engine alone", func(h serving.Health) bool { return h.Ready && h.Engine.PID != before && h.Swap == nil })
		if h.Model.ID != s.Config.Server.Model || h.Status != "ok" || s.Config.Engine.Context > 0 && h.Model.Context != s.Config.Engine.Context {
			t.Errorf("health: %+v", h)
		}
		serving.Eventually(t, "the engine before is gone", func() bool { return syscall.Kill(before, 0) != nil })
	}
	l.more(t, 40)
	l.end(t)
	if len(h.Engine.Exits) != 0 {
		t.Errorf("lost engines: %v", h.Engine.Exits)
	}
	if m := s.Metrics(t, "agent0_"); !strings.Contains(m, `agent0_engine_swaps_total{result="done"} 3`) {
		t.Error("the metrics do not say 3 changes")
	}
}

// Where the new model cannot be used, the old one serves on, under its own name, and it is said why; when that is put right the
// new one takes over.
func TestSwapFails(t *testing.T) {
	dir := t.TempDir()
	s := serving.Serve(t, programs, dir, nil)
	first := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	l := newLoad(t.Context(), s, name, 4, alone(t, s, name))
	b, err := os.ReadFile(s.Config.Engine.Model[0])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "new.gguf")
	for i, c := range []struct {
		content []byte
		why     string
	}{
		{nil, "is missing"},
		{[]byte("GGUF, or so it says"), "is damaged"},
		{b[:len(b)-1000], "new.gguf"},
	} {
		if c.content != nil {
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		change(t, s, func(r *spec.Runtime) { r.Engine.Model, r.Server.Model = []string{file}, "new" })
		h := s.Await(t, fmt.Sprint("change ", i, " fails"), func(h serving.Health) bool {
			return h.Swap != nil && h.Swap.State == wire.SwapFailed && strings.Contains(h.Swap.Why, c.why) && strings.Contains(s.Metrics(t, "agent0_"), fmt.Sprintf(`swaps_total{result="failed"} %d`, i+1))
		})
		if !h.Ready || h.Status != "degraded" || h.Engine.PID != first.Engine.PID || h.Model.ID != name || !strings.Contains(strings.Join(h.Degraded, ""), c.why) {
			t.Errorf("change %d: %+v", i, h)
		}
		l.more(t, 10)
	}
	l.end(t)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	h := s.Await(t, "the new model serves", func(h serving.Health) bool { return h.Ready && h.Swap == nil && h.Model.ID == "new" })
	if h.Status != "ok" || h.Engine.PID == first.Engine.PID {
		t.Errorf("in the end: %+v", h)
	}
	if status, _, err := ask(t.Context(), s, "new", "violin", true); status != http.StatusOK || err != nil {
		t.Errorf("asked by its new name: %d, %v", status, err)
	}
}

// What is the front's own takes effect at once and without another engine. What is wrong changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	s := serving.Serve(t, programs, dir, nil)
	first := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	listen := s.Config.Server.Listen
	status := func(model string) int {
		code, _, err := ask(t.Context(), s, model, "violin", false)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	change(t, s, func(c *spec.Runtime) { c.Server.Aliases = []string{"other"} })
	serving.Eventually(t, "another name holds", func() bool { return status("other") == http.StatusOK })
	change(t, s, func(c *spec.Runtime) { c.Server.Listen, c.Server.Aliases = "127.0.0.1:1", []string{"third"} })
	serving.Eventually(t, "the next name holds", func() bool { return status("third") == http.StatusOK && status("other") == http.StatusNotFound })
	s.AwaitLog(t, `"fields":["listen"]`) // the address stays
	s.Config.Server.Listen = listen

	for what, text := range map[string]string{
		"no JSON": "{", "an unknown field": `{"sever": {}}`, "a wrong value": `{"server": {"max_body": -1}, "engine": {"model": ["x"]}}`,
		"no keys": `{"server": {"keys_file": "/nonexistent/keys"}, "engine": {"model": ["x"]}}`,
	} {
		if err := s.Corrupt(text); err != nil {
			t.Fatal(err)
		}
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		h := s.Await(t, what+" is refused", func(h serving.Health) bool {
			return h.Status == "degraded" && strings.Contains(h.Degraded[0], "the configuration was not taken")
		})
		if !h.Ready || h.Engine.PID != first.Engine.PID || status("third") != http.StatusOK {
			t.Errorf("%s: %+v", what, h)
		}
		change(t, s, func(*spec.Runtime) {})
		s.Await(t, "well again", func(h serving.Health) bool { return h.Status == "ok" })
	}
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, []byte("a-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change(t, s, func(c *spec.Runtime) { c.Server.KeysFile = keys })
	serving.Eventually(t, "a key is asked for", func() bool { return status("third") == http.StatusUnauthorized })
	if h := s.Await(t, "it is there", func(serving.Health) bool { return true }); h.Engine.PID != first.Engine.PID || len(h.Engine.Exits) != 0 {
		t.Errorf("another engine: %+v", h)
	}
}

// pair serves with engines at two sockets, as under systemd.
func pair(t *testing.T) (s *serving.Server, a, b *serving.Kept) {
	t.Helper()
	dir, err := os.MkdirTemp("", "swap") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s = serving.Serve(t, programs, dir, func(c *spec.Runtime) { c.Sockets = []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")} })
	var kept [2]*serving.Kept
	for i, path := range s.Config.Sockets {
		if kept[i], err = s.Keep(path); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s:\n%s", path, kept[i].Log())
			}
			kept[i].Close()
		})
	}
	return s, kept[0], kept[1]
}

// is waits until sockets have had so many engines, as many of which ended well as are not there.
func is(t *testing.T, what string, k *serving.Kept, starts int, live bool) {
	t.Helper()
	clean := starts
	if live {
		clean--
	}
	defer func() {
		if t.Failed() {
			s, c, pid := k.State()
			t.Logf("%s: %d starts, %d ended well, process %d", k.Path, s, c, pid)
		}
	}()
	serving.Eventually(t, what, func() bool {
		s, c, pid := k.State()
		return s == starts && c == clean && (pid != 0) == live
	})
}

// Engines at sockets take over from each other while many ask, and end with status 0. A front that is killed and started again
// finds the one that has its model loaded, and does not start the other.
func TestSwapBetweenSockets(t *testing.T) {
	s, a, b := pair(t)
	s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	is(t, "the first engine alone", a, 1, true)
	l := newLoad(t.Context(), s, name, 8, alone(t, s, name))
	serves := func(context int) func(serving.Health) bool {
		return func(h serving.Health) bool { return h.Ready && h.Swap == nil && h.Model.Context == context }
	}
	change(t, s, func(c *spec.Runtime) { c.Engine.Context = 200 })
	s.Await(t, "the second engine", serves(200))
	is(t, "the first has ended", a, 1, false)
	is(t, "the second is there", b, 1, true)
	l.more(t, 20)
	change(t, s, func(c *spec.Runtime) { c.Engine.Context = 220 })
	s.Await(t, "the first socket's again", serves(220))
	is(t, "the second has ended", b, 1, false)
	is(t, "the first is there again", a, 2, true)
	l.more(t, 20)
	l.end(t)

	change(t, s, func(c *spec.Runtime) { c.Engine.Context = 200 })
	before := s.Await(t, "the second socket's again", serves(200))
	remembered(t, b)
	restart(t, s)
	h := s.Await(t, "ready again", serves(200))
	if h.Engine.PID != before.Engine.PID {
		t.Errorf("engine %d, before %d", h.Engine.PID, before.Engine.PID)
	}
	is(t, "the first was left alone", a, 2, false)
	is(t, "the second is the same", b, 2, true)
}

// remembered waits until a front that starts asks nobody but this engine. Before that it asks also the one that was told to
// end, as it cannot know whether it heard: if it did, to ask its socket starts one more, which is told to end too.
func remembered(t *testing.T, k *serving.Kept) {
	t.Helper()
	memory := filepath.Join(filepath.Dir(k.Path), "engines.json")
	serving.Eventually(t, "one engine is remembered", func() bool {
		text, err := os.ReadFile(memory)
		return err == nil && strings.Contains(string(text), `"Current":"`+k.Path) && strings.Contains(string(text), `"Others":null`)
	})
}

// restart kills the front and starts another.
func restart(t *testing.T, s *serving.Server) {
	t.Helper()
	if err := s.Front().Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	if _, err := s.Front().Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.StartFront(); err != nil {
		t.Fatal(err)
	}
}

// A front that is killed at any moment of a change: the next one ends it, with one engine.
func TestFrontKilledMidSwap(t *testing.T) {
	s, a, b := pair(t)
	s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	for i := range 4 {
		context := 200 + i
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		remembered(t, from)
		starts, _, _ := to.State()
		change(t, s, func(c *spec.Runtime) { c.Engine.Context = context })
		serving.Eventually(t, "the other one starts", func() bool { n, _, _ := to.State(); return n > starts })
		restart(t, s)
		s.Await(t, "the other one serves", func(h serving.Health) bool { return h.Ready && h.Swap == nil && h.Model.Context == context })
		serving.Eventually(t, "the one before has ended", func() bool { _, _, pid := from.State(); return pid == 0 })
		if n, _, _ := to.State(); n != starts+1 {
			t.Errorf("change %d took %d engines", i, n-starts)
		}
	}
}
