package main_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

const tiny = "../../examples/tiny/agent0-tiny.gguf"

// programs have the engine that the tests run: the best that this CPU can run.
var programs serving.Programs

func TestMain(m *testing.M) { os.Exit(serving.Main(m, &programs)) }

// engine is a real engine under supervision.
type engine struct {
	*supervise.Supervisor
	t *testing.T
}

func start(t *testing.T, change func(*spec.Engine)) *engine {
	t.Helper()
	all := spec.DefaultRuntime()
	cfg := &all.Engine
	path, err := filepath.Abs(tiny)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Model, cfg.Threads = []string{path}, 1 // others are at work too, and ggml's threads wait for each other
	if change != nil {
		change(cfg)
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "engine.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := level.Find(programs.Engines, level.Supported())
	if err != nil {
		t.Fatal(err)
	}
	super := supervise.DefaultConfig()
	super.Want.Places = []supervise.Place{supervise.Child(found.Path, []string{"GGML_NO_BACKTRACE=1"}, "-config", file)}
	e := &engine{supervise.New(super), t}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); e.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return e
}

func (e *engine) ready() *wire.Ready {
	e.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		st := e.Status()
		if st.Ready != nil {
			return st.Ready
		}
		if time.Now().After(end) {
			e.t.Fatalf("not ready: %s", st.Why)
		}
	}
}

func prompt(word string) string {
	return "<|im_start|>user\nWhat is a " + word + "?<|im_end|>\n<|im_start|>assistant\n"
}

var words = strings.Fields("violin river mountain king castle bread horse doctor garden winter island bridge teacher ship forest apple lion bottle window pencil")

// greedy returns what the model says, the likeliest each time.
func (e *engine) greedy(ctx context.Context, word string, tell func(wire.Event)) (string, *wire.Done, error) {
	var text strings.Builder
	var done *wire.Done
	p := prompt(word)
	err := e.Generate(ctx, &wire.Request{Text: &p, MaxTokens: 80}, func(ev wire.Event) {
		if ev.Token != nil {
			text.WriteString(ev.Token.Text)
		}
		if ev.Done != nil {
			text.WriteString(ev.Done.Text)
			done = ev.Done
		}
		if tell != nil {
			tell(ev)
		}
	})
	return text.String(), done, err
}

// The model answers, however its cache is kept.
func TestAnswer(t *testing.T) {
	for name, change := range map[string]func(*spec.Engine){
		"as it comes":               nil,
		"a cache of eight bits":     func(c *spec.Engine) { c.CacheType = "q8_0" },
		"less cells than may be":    func(c *spec.Engine) { c.Context, c.Cells = 256, 300 },
		"more cells than are asked": func(c *spec.Engine) { c.Context, c.Cells = 256, 4096 },
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, change)
			r := e.ready()
			if r.Model.Vocabulary != 4096 || r.Model.Context != 256 {
				t.Errorf("%+v", r)
			}
			text, done, err := e.greedy(t.Context(), "violin", nil)
			if err != nil || !strings.Contains(text, "stringed instrument") || done.Reason != wire.Stop {
				t.Errorf("%q, %+v, %v", text, done, err)
			}
			t.Log(text)
		})
	}
}

// An engine that is killed again and again under load costs no request, and what was begun goes on as it would have.
func TestKilledUnderLoad(t *testing.T) {
	e := start(t, nil)
	e.ready()
	want := map[string]string{}
	for _, w := range words {
		text, _, err := e.greedy(t.Context(), w, nil)
		if err != nil {
			t.Fatal(err)
		}
		want[w] = text
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	same, all := 0, 0
	done := make(chan struct{})
	for i := range 100 {
		wg.Go(func() {
			for range 5 {
				word := words[i%len(words)]
				text, _, err := e.greedy(t.Context(), word, nil)
				if err != nil {
					t.Errorf("%s: %v", word, err)
				}
				mu.Lock()
				all++
				if text == want[word] {
					same++
				} else {
					t.Logf("%s: %q, alone %q", word, text, want[word])
				}
				mu.Unlock()
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	chance, kills := rand.New(rand.NewPCG(7, 7)), 0
	var longest time.Duration
	at := uint64(200)
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(time.Millisecond):
			st := e.Status()
			if st.Ready == nil || st.State.Generated < at {
				continue
			}
			at = 100 + chance.Uint64N(600)
			if err := syscall.Kill(st.Hello.PID, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			kills++
			began := time.Now()
			for e.Status().Hello == nil || e.Status().Hello.PID == st.Hello.PID || e.Status().Ready == nil {
				time.Sleep(time.Millisecond)
			}
			longest = max(longest, time.Since(began))
		}
	}
	st := e.Status()
	t.Logf("%d kills, %d requests, %d as alone, %d replayed, %d continued, %d given up, ready again after %v at most", kills, all, same, st.Replayed, st.Continued, st.Quarantined, longest)
	if kills == 0 || st.Quarantined != 0 || same*100 < all*99 {
		t.Errorf("%d kills, %d of %d as alone, %d given up", kills, same, all, st.Quarantined)
	}
}
