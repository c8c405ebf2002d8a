package server

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// fake is an engine with a tiny model: which word comes next is decided by the prompt, the position, the seed and the
// biases, so that the same request gives the same answer. Words in the prompt that begin with "!" make it misbehave.
type fake struct {
	step    chan struct{} // each receive lets a request with !hold make one more token
	changed chan struct{} // gets something, if there is room, whenever a sequence begins or ends

	mu       sync.Mutex
	status   wire.Status
	running  map[uint64]bool
	last     uint64
	requests []*wire.Request
}

var words = strings.Fields("the quick brown fox jumps over a lazy dog and then it sleeps in sun while rain falls on roofs of old towns where nobody asks why caf\xc3\xa9")

// pieces are the words with a blank before them; the last two are one character of two bytes.
func pieces() [][]byte {
	var all [][]byte
	for _, w := range words {
		all = append(all, []byte(" "+w))
	}
	return append(all, []byte{0xc3}, []byte{0xa9})
}

var vocabulary = pieces()

func newFake() *fake {
	f := &fake{step: make(chan struct{}), changed: make(chan struct{}, 1), running: map[uint64]bool{}}
	f.status = wire.Status{
		Hello: &wire.Hello{Protocol: wire.Version, Version: "fake", PID: 1, Build: "none"},
		Ready: &wire.Ready{Backend: "CPU", Device: "fake", Model: wire.Model{
			Path: "/secret/path/fake.gguf", Description: "fake", Vocabulary: len(vocabulary), Context: 512, Cells: 1024, Parallel: 4, Template: true,
			Sampling: spec.DefaultSampling()}},
		Since: time.Unix(1, 0), Exits: map[string]uint64{"killed": 1},
	}
	return f
}

func (f *fake) Status() wire.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.status
	st.State.Running = nil
	for id := range f.running {
		st.State.Running = append(st.State.Running, id)
	}
	return st
}

func (f *fake) set(change func(*wire.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// begin takes a request in, and returns what its end is.
func (f *fake) begin(r *wire.Request) (end func()) {
	f.mu.Lock()
	f.last++
	r.ID = f.last
	f.running[r.ID] = true
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	f.tell()
	return func() {
		f.mu.Lock()
		delete(f.running, r.ID)
		f.mu.Unlock()
		f.tell()
	}
}

func (f *fake) tell() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// latest is the request that came last.
func (f *fake) latest() *wire.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[len(f.requests)-1]
}

var orders = regexp.MustCompile(`!([a-z_]+)(?::(\d+))?`)

// ordered says whether the prompt has an order, and after how many tokens it holds.
func ordered(text, order string) (int, bool) {
	for _, m := range orders.FindAllStringSubmatch(text, -1) {
		if m[1] == order {
			n, _ := strconv.Atoi(m[2])
			return n, true
		}
	}
	return 0, false
}

func promptOf(r *wire.Request) string {
	switch {
	case r.Chat != nil:
		return string(r.Chat.Messages) + string(r.Chat.Tools) + string(r.Chat.Variables)
	case r.Text != nil:
		return *r.Text
	}
	return fmt.Sprint(r.Tokens)
}

func (f *fake) Generate(ctx context.Context, r *wire.Request, tell func(wire.Event)) error {
	text := promptOf(r)
	st := f.Status()
	if st.Ready == nil {
		return &wire.UnavailableError{Reason: st.Why, RetryAfter: 3 * time.Second}
	}
	tokens := len(r.Tokens)
	if tokens == 0 {
		tokens = len(strings.Fields(text))
	}
	if tokens >= st.Ready.Model.Context {
		return &wire.Refused{Code: wire.TooLong, Param: "messages", Reason: fmt.Sprintf("the context has %d tokens, and the prompt %d", st.Ready.Model.Context, tokens)}
	}
	if _, yes := ordered(text, "overloaded"); yes {
		return &wire.Refused{Code: wire.Overloaded, Reason: "too much to do", RetryAfter: 1500 * time.Millisecond}
	}
	if _, yes := ordered(text, "panic"); yes {
		panic("as it was told")
	}
	defer f.begin(r)()
	tell(wire.Event{ID: r.ID, Accepted: &wire.Accepted{Prompt: tokens}})
	tell(wire.Event{ID: r.ID, Begun: &wire.Begun{}})
	return f.generate(ctx, r, text, tokens, tell)
}

// generate makes the tokens. It sends no Done where the request says that the engine is to die.
func (f *fake) generate(ctx context.Context, r *wire.Request, text string, prompt int, tell func(wire.Event)) error {
	out := assembler{stops: r.Stop}
	_, long := ordered(text, "long")
	for _, order := range []string{"die", "internal", "dead_end", "silent", "hold"} {
		if _, yes := ordered(text, order); yes {
			long = true
		}
	}
	length := 5 + int(hash(text, 0)%20)
	var forced [][]byte
	if r.Grammar != "" {
		forced = speak(r)
	} else if _, yes := ordered(text, "bytes"); yes {
		forced = [][]byte{[]byte(" caf"), {0xc3}, {0xa9}, []byte(" x"), {0xc3}}
	}
	if _, yes := ordered(text, "flood"); yes { // more than the buffers of a connection hold
		forced = slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 64<<10)}, 400)
	}
	if forced != nil {
		length = len(forced)
	}
	done := &wire.Done{Reason: wire.Stop, Prompt: prompt, Cached: prompt / 2}
	finish := func() error {
		done.Text = out.rest()
		tell(wire.Event{ID: r.ID, Done: done})
		return nil
	}
	for i := 0; ; i++ {
		if err := f.misbehave(ctx, text, i); err != nil {
			if err == errSilent {
				return nil
			}
			return err
		}
		if i >= length && (forced != nil || !long && !r.IgnoreEnd) {
			return finish()
		}
		t := f.next(r, text, i)
		if forced != nil {
			t.Piece = forced[i]
		}
		var stop string
		t.Text, stop = out.add(t.Piece)
		if !r.Probs {
			t.Piece, t.Logprob, t.Top = nil, 0, nil
		}
		done.Generated++
		tell(wire.Event{ID: r.ID, Token: t})
		switch {
		case stop != "":
			done.StopText = stop
			return finish()
		case done.Generated == r.MaxTokens || prompt+done.Generated >= 512:
			done.Reason = wire.Length
			return finish()
		}
	}
}

var errSilent = fmt.Errorf("it ends without a word")

func (f *fake) misbehave(ctx context.Context, text string, i int) error {
	for _, o := range []struct {
		order string
		err   error
	}{
		{"die", &wire.UnavailableError{Reason: "the engine died of this request", RetryAfter: 2 * time.Second}},
		{"internal", &wire.Refused{Code: wire.Internal, Reason: "the engine failed"}},
		{"dead_end", &wire.Refused{Code: wire.DeadEnd, Reason: "no token can follow"}},
		{"silent", errSilent},
	} {
		if at, yes := ordered(text, o.order); yes && at == i {
			return o.err
		}
	}
	if at, yes := ordered(text, "hold"); yes && i >= at {
		select {
		case <-f.step:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// next is the token that is the most likely one, where chance has been added to each.
func (f *fake) next(r *wire.Request, text string, i int) *wire.Token {
	seed := r.Sampling.Seed
	if r.Sampling.Temperature == 0 {
		seed = 0
	}
	rng := rand.New(rand.NewPCG(seed, hash(text, i)))
	scores, sum := make([]float64, len(vocabulary)), 0.0
	for t := range scores {
		scores[t] = rng.Float64() * 10
		if t >= len(words) {
			scores[t] -= 1000
		}
	}
	for _, b := range r.Sampling.Bias {
		scores[b.Token] += b.Bias
	}
	order := make([]int32, len(vocabulary))
	for t := range order {
		order[t] = int32(t)
		sum += math.Exp(scores[t])
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(scores[b], scores[a]) })
	logprob := func(t int32) float32 { return float32(scores[t] - math.Log(sum)) }
	out := &wire.Token{ID: order[0], Piece: vocabulary[order[0]], Logprob: logprob(order[0])}
	for _, t := range order[:r.Top] {
		out.Top = append(out.Top, wire.Top{ID: t, Piece: vocabulary[t], Logprob: logprob(t)})
	}
	return out
}

func hash(text string, i int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", i, text)
	return h.Sum64()
}

func (f *fake) Ask(_ context.Context, q *wire.ToEngine) (*wire.Reply, error) {
	if st := f.Status(); st.Ready == nil {
		return nil, &wire.UnavailableError{Reason: st.Why, RetryAfter: time.Second}
	}
	reply := &wire.Reply{}
	if q.Detokenize != nil {
		for _, t := range q.Detokenize.Tokens {
			reply.Text += string(vocabulary[t])
		}
		return reply, nil
	}
	for _, w := range strings.Fields(q.Tokenize.Text) {
		i := slices.Index(words, w)
		if i < 0 {
			reply.Error = fmt.Sprintf("%q is no word of the model", w)
			return reply, nil
		}
		reply.Tokens = append(reply.Tokens, int32(i))
		reply.Pieces = append(reply.Pieces, vocabulary[i])
	}
	return reply, nil
}

// speak makes a text that keeps to the grammar of testGrammars, in pieces of a few bytes.
// instance is a value that keeps to a schema, with the properties in the schema's order.
// pointed follows a JSON pointer.
// testGrammars hand the schema on as it is: the fake makes a value of it.
