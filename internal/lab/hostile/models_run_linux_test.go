package hostile_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/runnable"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// outcome is what became of a damaged model.
type outcome string

const (
	byGo   outcome = "refused before C"
	byC    outcome = "refused by the engine"
	died   outcome = "the engine died"
	served outcome = "served"
)

// Whatever is wrong with a model, the front answers and says what it is, and what is served does not end the engine.
func TestDamagedModels(t *testing.T) {
	all := damages()
	var mu sync.Mutex
	tally := map[outcome]int{}
	var dead []string
	t.Run("each", func(t *testing.T) {
		for i, d := range all {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				f := small(t)
				d.change(f)
				o := tried(t, f, i%16 == 0 || strings.HasPrefix(d.name, "split"))
				if want := outcomes()[d.name]; want != "" && o != want {
					t.Errorf("%s, and it has to be %s", o, want)
				}
				mu.Lock()
				defer mu.Unlock()
				tally[o]++
				if o == died {
					dead = append(dead, d.name)
				}
			})
		}
	})
	hit := 0
	for o, n := range tally {
		t.Logf("%s: %d", o, n)
		hit += n
	}
	t.Logf("%d damages, %d tried; engines died of %q", len(all), hit, dead)
	if hit != len(all) || tally[byGo] == 0 || tally[byC] == 0 || tally[served] == 0 {
		t.Errorf("%d damages, and %d were tried: %v", len(all), hit, tally)
	}
	slices.Sort(dead)
	if want := deadly(); !slices.Equal(dead, want) {
		t.Errorf("engines died of %q and not of %q", dead, want)
	}
}

// outcomes are those of damages that llama.cpp itself would serve: reading beyond what there is, or computing what is no number.
func outcomes() map[string]outcome {
	return map[string]outcome{"scores: few": byGo, "scores: texts": byGo, "types: few": byGo, "tokenizer none": byGo, "llama.rope.freq_base=0": byGo,
		"split.no 1 of 2": byGo, "NaN weights": byC, "all weights 0xff": byC}
}

// tried serves a model and says what came of it. What is refused before C is given to an engine only where asked for: it would say the same.
func tried(t *testing.T, f *gguftest.File, whole bool) outcome {
	t.Helper()
	b := f.Bytes()
	h, err := runnable.Read(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = gguf.CheckShards([]*gguf.Header{h})
	}
	if err != nil && !whole {
		return byGo
	}
	s := start(t, func(c *spec.Runtime) { c.Engine.Model, c.Server.Model = []string{written(t, f)}, "damaged" })
	now := settled(t, s)
	if err != nil {
		if now.Ready || !strings.Contains(now.Reason, err.Error()) || exits(now) != 0 {
			t.Errorf("the header is refused (%v), and /health says %+v", err, now)
		}
		unserved(t, s)
		return byGo
	}
	if now.Ready {
		return used(t, s)
	}
	unserved(t, s)
	for how := range now.Engine.Exits {
		if how != "exit status 1" { // which is how an engine ends that has said why
			t.Logf("%s: %s", how, now.Reason)
			return died
		}
	}
	if !strings.HasPrefix(now.Reason, "cannot") && !strings.HasPrefix(now.Reason, "the model") {
		t.Errorf("it is refused, and /health says %q", now.Reason)
	}
	if strings.HasPrefix(now.Reason, "cannot load") && !strings.Contains(now.Reason, "llama.cpp does not load it: ") {
		t.Errorf("/health does not say why llama.cpp refuses it: %q", now.Reason)
	}
	return byC
}

// exits is how many engines were lost.
func exits(h serving.Health) (n uint64) {
	for _, of := range h.Engine.Exits {
		n += of
	}
	return n
}

// settled waits until the first engine is ready, says why it is not, or has ended.
func settled(t *testing.T, s *serving.Server) serving.Health {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	h, err := s.Until(ctx, func(h serving.Health) bool {
		return h.Ready || exits(h) > 0 && h.Status == "unavailable" && !strings.HasPrefix(h.Reason, "the engine is") || h.Status == "unavailable" && (strings.HasPrefix(h.Reason, "cannot") || strings.HasPrefix(h.Reason, "the model"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// unserved asks where there is no engine: the answer is an error that says why.
func unserved(t *testing.T, s *serving.Server) {
	t.Helper()
	for _, path := range []string{"/v1/completions", "/v1/chat/completions", "/tokenize"} {
		body := map[string]string{"/v1/completions": `{"prompt":"a"}`, "/v1/chat/completions": `{"messages":[{"role":"user","content":"a"}]}`, "/tokenize": `{"content":"a"}`}[path]
		a := post(t, s, path, body)
		if f, err := problem(a.body); err != nil || a.status != 503 || f.Code != "engine_unavailable" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s (%v)", path, a.status, a.body, err)
		}
	}
}

// used asks a model that is served for all that it can do. It need not make sense, and it may not cost the engine.
func used(t *testing.T, s *serving.Server) outcome {
	t.Helper()
	for _, c := range [][2]string{
		{"/v1/completions", `{"prompt":"hello é \u0000 world","max_tokens":4,"logprobs":3}`},
		{"/v1/completions", `{"prompt":[0,1,2],"max_tokens":4,"ignore_eos":true,"temperature":1.5}`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"hello"}],"max_tokens":4,"response_format":{"type":"json_object"}}`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"hello"}],"max_tokens":4}`},
		{"/tokenize", `{"content":"hello <s> </s>","add_special":true}`},
	} {
		a := post(t, s, c[0], c[1])
		if a.status == 200 {
			continue
		}
		if _, err := problem(a.body); err != nil {
			t.Errorf("%s: %d, %v", c[0], a.status, err)
		}
		t.Logf("%s: %d %s", c[0], a.status, a.body)
	}
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	h, err := s.Until(ctx, func(h serving.Health) bool { return h.Code != 0 })
	if err != nil {
		t.Fatal(err)
	}
	if exits(h) > 0 {
		return died
	}
	return served
}

// An engine that dies of its model each time is started more and more rarely, and the front answers meanwhile.
func TestDyingEngineIsNotStartedInALoop(t *testing.T) {
	f := small(t)
	lethal().change(f)
	s := start(t, func(c *spec.Runtime) { c.Engine.Model = []string{written(t, f)} })
	began := time.Now()
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	const lost = 5
	h, err := s.Until(ctx, func(h serving.Health) bool { return exits(h) >= lost })
	if err != nil {
		t.Fatal(err)
	}
	// Before the third start there are 100 ms, before the fourth 200, before the fifth 400.
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("%d engines in %v", lost, took)
	}
	if h.Code != 503 || h.Reason == "" {
		t.Errorf("%+v", h)
	}
	unserved(t, s)
}

// deadly are the damages that are not looked for before C, and of which llama.cpp ends its process.
func deadly() []string {
	return []string{"kv head counts per layer", "tokenizer bert", "tokens: few", "tokens: no UTF-8"}
}

// lethal is one of them.
func lethal() damage {
	all := damages()
	return all[slices.IndexFunc(all, func(d damage) bool { return d.name == "tokens: few" })]
}
