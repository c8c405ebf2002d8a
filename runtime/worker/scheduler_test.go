package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
	"github.com/agent0-converge/agent0-converge/runtime/worker/workertest"
)

// rig is a scheduler at work, and what it said.
type rig struct {
	*worker.Scheduler
	t     *testing.T
	model *workertest.Model

	mu     sync.Mutex
	events map[uint64][]wire.Event
	all    []wire.Event
	state  wire.State
	news   *sync.Cond
}

func start(t *testing.T, m *workertest.Model, change func(*worker.Config)) *rig {
	t.Helper()
	cfg := worker.Config{
		Vocabulary: workertest.Vocabulary, Parallel: 4, Slots: 8, Context: 128, Batch: 32, Chunk: 16,
		MaxWaiting: 1000, MaxWait: time.Hour, Window: m.Window, WholeOnly: m.Whole,
	}
	if change != nil {
		change(&cfg)
	}
	m.Sequences = cfg.Slots
	r := &rig{t: t, model: m, events: map[uint64][]wire.Event{}}
	r.news = sync.NewCond(&r.mu)
	r.Scheduler = worker.New(cfg, m, m, r.tell)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the scheduler ended: %v", err)
		}
		if m.Samplers != 0 {
			t.Errorf("%d samplers were left open", m.Samplers)
		}
	})
	return r
}

func (r *rig) tell(s *wire.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range s.Events {
		r.events[e.ID] = append(r.events[e.ID], e)
		r.all = append(r.all, e)
	}
	if s.State != nil {
		r.state = *s.State
	}
	r.news.Broadcast()
}

// add asks for n letters after a prompt, always the likeliest.
func (r *rig) add(id uint64, prompt string, n int, change ...func(*wire.Request)) *wire.Refused {
	req := &wire.Request{ID: id, MaxTokens: n}
	for _, f := range change {
		f(req)
	}
	tokens, _ := r.model.Tokenize(prompt, true, true)
	return r.Add(req, tokens)
}

// answer waits until a request has ended and returns its text.
func (r *rig) answer(id uint64) (text string, last wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if all := r.events[id]; len(all) > 0 {
			if last = all[len(all)-1]; last.Done != nil || last.Refused != nil {
				return said(all), last
			}
		}
		r.news.Wait()
	}
}

func said(all []wire.Event) string {
	var b strings.Builder
	for _, e := range all {
		if e.Token != nil {
			b.WriteString(e.Token.Text)
		}
		if e.Done != nil {
			b.WriteString(e.Done.Text)
		}
	}
	return b.String()
}

func (r *rig) expect(id uint64, prompt string, n int) *wire.Done {
	r.t.Helper()
	text, last := r.answer(id)
	if want := r.model.Text(prompt, n); text != want || last.Done == nil || last.Done.Generated != n {
		r.t.Errorf("after %.20q came %q and %+v, want %q", prompt, text, last, want)
		return &wire.Done{}
	}
	return last.Done
}

// Many at once get what each would get alone.
func TestMany(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	for i := range 200 {
		if bad := r.add(uint64(i+1), fmt.Sprintf("prompt number %d, %s", i, strings.Repeat("x", i%60)), 1+i%30); bad != nil {
			t.Fatal(bad)
		}
	}
	for i := range 200 {
		r.expect(uint64(i+1), fmt.Sprintf("prompt number %d, %s", i, strings.Repeat("x", i%60)), 1+i%30)
	}
	if n := slices.Max(r.model.Batches); n > 32 {
		t.Errorf("a batch had %d tokens", n)
	}
}

// Where there is no room, prompts that nobody uses go first, then the youngest waits and goes on later: nobody notices.
func TestLittleRoom(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 150}, nil)
	for i := range 40 {
		if bad := r.add(uint64(i+1), fmt.Sprintf("%d prompt", i), 100); bad != nil {
			t.Fatal(bad)
		}
	}
	for i := range 40 {
		r.expect(uint64(i+1), fmt.Sprintf("%d prompt", i), 100)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Evicted == 0 || r.state.Preempted == 0 {
		t.Errorf("%+v: nothing was evicted or preempted", r.state)
	}
}

// A sequence that fills the cache alone ends with what it has.
func TestContextIsFull(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	r.add(1, "hello", 0)
	if _, last := r.answer(1); last.Done == nil || last.Done.Reason != wire.Length || last.Done.Generated != 128-5 {
		t.Errorf("%+v", last)
	}
	if bad := r.add(2, strings.Repeat("x", 128), 1); bad == nil || bad.Code != wire.TooLong {
		t.Errorf("%+v", bad)
	}
}

// What begins alike is computed once: several at the same time, and later ones.
func TestPrefixIsReused(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	prompt := strings.Repeat("a long system prompt ", 4)
	for i := range 4 {
		r.add(uint64(i+1), prompt+string(rune('a'+i)), 5)
	}
	for i := range 4 {
		done := r.expect(uint64(i+1), prompt+string(rune('a'+i)), 5)
		if i > 0 && done.Cached != len(prompt) {
			t.Errorf("of request %d %d tokens were there", i, done.Cached)
		}
	}
	r.add(9, prompt, 5)
	if done := r.expect(9, prompt, 5); done.Cached != len(prompt)-1 {
		t.Errorf("later %d tokens were there", done.Cached)
	}
}

func TestModelsThatCannotShare(t *testing.T) {
	for name, m := range map[string]*workertest.Model{"whole": {Cells: 512, Whole: true}, "window": {Cells: 512, Window: 16}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, m, nil)
			prompt := strings.Repeat("the same beginning ", 3)
			for i := range 24 {
				r.add(uint64(i+1), prompt+strings.Repeat("z", i), 1+i%7)
			}
			for i := range 24 {
				r.expect(uint64(i+1), prompt+strings.Repeat("z", i), 1+i%7)
			}
		})
	}
}

// What another engine began goes on as it would have, also where chance decides.
func TestContinue(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	warm := func(q *wire.Request) { q.Sampling = spec.DefaultSampling(); q.Sampling.Seed = 42 }
	r.add(1, "once upon", 40, warm)
	whole, _ := r.answer(1)
	for cut := range 41 {
		id := uint64(cut + 2)
		r.add(id, "once upon", 40, warm, func(q *wire.Request) {
			q.Generated, _ = r.model.Tokenize(whole[:cut], false, false)
			q.Replayed = true
		})
		if rest, last := r.answer(id); whole[:cut]+rest != whole || last.Done.Generated != 40 {
			t.Errorf("after %d came %q, want %q", cut, rest, whole[cut:])
		}
	}
}

func TestStops(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	text := r.model.Text("say", 50)
	r.add(1, "say", 50, func(q *wire.Request) { q.Stop = []string{"never there", text[20:24], text[22:30]} })
	got, last := r.answer(1)
	if got != text[:20] || last.Done.Reason != wire.Stop || last.Done.StopText != text[20:24] {
		t.Errorf("%q, %+v", got, last.Done)
	}
	// One that begins and does not end is shown after all.
	r.add(2, "say", 50, func(q *wire.Request) { q.Stop = []string{text[49:] + "?"} })
	if got, last := r.answer(2); got != text || last.Done.Reason != wire.Length {
		t.Errorf("%q, %+v", got, last.Done)
	}
}

func TestEndOfText(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512, Length: 7}, nil)
	r.add(1, "hi", 50)
	if done := r.expect(1, "hi", 7); done.Reason != wire.Stop || done.Prompt != 2 {
		t.Errorf("%+v", done)
	}
}

// That a sequence begins is said when its turn has come, with what was in the cache.
func TestBegun(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, func(c *worker.Config) { c.Parallel = 1 })
	r.add(1, "one at a time", 20)
	r.add(2, "one at a time please", 5)
	r.expect(1, "one at a time", 20)
	r.expect(2, "one at a time please", 5)
	at := func(id uint64, is func(wire.Event) bool) int {
		return slices.IndexFunc(r.all, func(e wire.Event) bool { return e.ID == id && is(e) })
	}
	done := at(1, func(e wire.Event) bool { return e.Done != nil })
	begun := at(2, func(e wire.Event) bool { return e.Begun != nil })
	token := at(2, func(e wire.Event) bool { return e.Token != nil })
	if done < 0 || begun < done || token < begun || r.all[begun].Begun.Cached != len("one at a time") {
		t.Errorf("the first is done at %d, the second begins at %d with a token at %d: %+v", done, begun, token, r.events[2][:2])
	}
}

func TestCancel(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, func(c *worker.Config) { c.Parallel = 1 })
	r.add(1, "this goes on", 100)
	r.add(2, "this waits", 100)
	r.add(3, "this is answered", 5)
	r.Cancel(1)
	r.Cancel(2)
	r.Cancel(77)
	r.expect(3, "this is answered", 5)
}

// Who would wait too long is told when to come again; what was taken in once is not refused.
func TestOverload(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, func(c *worker.Config) { c.Parallel, c.MaxWaiting = 1, 3 })
	var refused int
	for i := range 50 {
		if bad := r.add(uint64(i+1), "a prompt", 100); bad != nil {
			refused++
			if bad.Code != wire.Overloaded || bad.RetryAfter < time.Second {
				t.Errorf("%+v", bad)
			}
			if bad := r.add(uint64(i+100), "a prompt", 100, func(q *wire.Request) { q.Replayed = true }); bad != nil {
				t.Errorf("what was replayed: %+v", bad)
			}
			break
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// An answer in JSON is led to its end before its tokens run out, other answers are not.
func TestLedToTheEnd(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	for id, c := range []struct {
		tokens    int
		closes    bool
		generated int
		reason    string
	}{{40, false, 40, wire.Length}, {40, true, 30, wire.Stop}, {4, true, 3, wire.Stop}, {100, true, 75, wire.Stop}} {
		r.add(uint64(id+1), "x", c.tokens, func(q *wire.Request) { q.Grammar, q.Closes = "x", c.closes })
		_, last := r.answer(uint64(id + 1))
		if last.Done == nil || last.Done.Generated != c.generated || last.Done.Reason != c.reason {
			t.Errorf("%+v: %+v", c, last.Done)
		}
	}
}

func TestRefusals(t *testing.T) {
	r := start(t, &workertest.Model{Cells: 512}, nil)
	for param, change := range map[string]func(*wire.Request){
		"stop":         func(q *wire.Request) { q.Stop = []string{""} },
		"top_logprobs": func(q *wire.Request) { q.Top = 21 },
		"max_tokens":   func(q *wire.Request) { q.MaxTokens = -1 },
		"grammar":      func(q *wire.Request) { q.Grammar = "bad" },
		"prompt":       func(q *wire.Request) { q.Generated = []int32{9999} },
	} {
		if bad := r.add(1, "x", 5, change); bad == nil || bad.Code != wire.Invalid || bad.Param != param {
			t.Errorf("%s: %+v", param, bad)
		}
	}
	r.add(2, "x", 5, func(q *wire.Request) { q.Grammar = "dead" })
	if _, last := r.answer(2); last.Refused == nil || last.Refused.Code != wire.DeadEnd {
		t.Errorf("%+v", last)
	}
}
