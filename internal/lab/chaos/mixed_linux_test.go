package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// mixed counts what clients of the other sorts met.
type mixed struct {
	long, slow, unread, invalid atomic.Int64
	// tooMany are refusals by the front, overloaded those by the engine.
	tooMany, overloaded atomic.Int64
}

// Clients of all sorts ask as fast as they are answered, and more than are let in: those with long prompts, those that read slowly or
// not at all, that leave, that send what is wrong. Neither process grows, nobody's place stays taken, and who is refused
// is told when to come again.
func TestMixedLoad(t *testing.T) {
	s := start(t, programs, func(r *spec.Runtime) {
		r.Server.MaxRequests, r.Engine.MaxWaiting, r.Server.WriteStall = 96, 48, 2*time.Second
		// A connection that the server closes as idle at the moment when its client uses it again is a client's to try again.
		r.Server.IdleTimeout = time.Hour
	})
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	c := gather(t, s)
	var m mixed
	c.meets = m.refusal
	c.come(clients)
	c.sorts(&m)
	length := lasts()
	samples := c.watch(length, s.Front().Cmd.Process.Pid, h.Engine.PID)
	serving.Eventually(t, "all sorts of clients and refusals were there", m.complete)
	got := c.disperse()
	first, last := thirds(samples)
	t.Logf("| mixed load, %v, %d clients and 50 of other sorts | %v; %d by the front, %d by the engine; %d long prompts, %d slow, %d that do not read, %d invalid |",
		length, clients, got, m.tooMany.Load(), m.overloaded.Load(), m.long.Load(), m.slow.Load(), m.unread.Load(), m.invalid.Load())
	t.Logf("| first and last third of %d samples | front %d and %d KiB, engine %d and %d KiB, %d and %d goroutines |",
		len(samples), first.front, last.front, first.engine, last.engine, first.goroutines, last.goroutines)
	cache := 8 << 10
	if length < time.Minute {
		cache = 24 << 10 // all of the KV cache comes to be used, and with it resident, only after that
	}
	for _, g := range []struct {
		what        string
		first, last int
		more        int // what the collector and the allocators may hold for a while
	}{
		{"KiB of the front", first.front, last.front, first.front/5 + 8<<10},
		{"KiB of the engine", first.engine, last.engine, first.engine/20 + cache},
		{"goroutines", first.goroutines, last.goroutines, first.goroutines/5 + 50},
	} {
		if g.last > g.first+g.more {
			t.Errorf("%s: %d, and later %d", g.what, g.first, g.last)
		}
	}
	if got.left == 0 {
		t.Error("no client left")
	}
	c.rest(h.Engine.PID)
}

// lasts is how long the load lasts.
func lasts() time.Duration {
	switch {
	case testing.Short():
		return 10 * time.Second
	case os.Getenv("AGENT0_LAB") != "":
		return 10 * time.Minute
	}
	return 2 * time.Minute
}

// watch takes samples for so long, after the first fifth, in which what is kept comes to be.
func (c *crowd) watch(length time.Duration, front, engine int) []sample {
	c.t.Helper()
	began := time.Now()
	tick := time.NewTicker(length / 100)
	defer tick.Stop()
	var all []sample
	for time.Since(began) < length {
		<-tick.C
		s, err := c.look(front, engine)
		if err != nil {
			c.t.Fatal(err)
		}
		if time.Since(began) > length/5 {
			all = append(all, s)
		}
	}
	if len(all) < 9 {
		c.t.Fatalf("there are only %d samples", len(all))
	}
	return all
}

// rest waits until nothing is left of what was asked, in the engine that was there from the beginning.
func (c *crowd) rest(engine int) {
	c.t.Helper()
	c.client.CloseIdleConnections()
	h := c.server.Await(c.t, "at rest", func(h serving.Health) bool { return h.Ready && h.Engine.Running == 0 && h.Engine.Waiting == 0 })
	if h.Engine.PID != engine || len(h.Engine.Exits) != 0 || h.Engine.Quarantined != 0 {
		c.t.Errorf("the engine was lost: %+v", h)
	}
	serving.Eventually(c.t, "no request is inside and no cell is held", func() bool {
		m, err := metrics(c.client, c.server.URL)
		_, there := m["agent0_kv_cells_used_ratio"]
		return err == nil && there && m["agent0_http_requests_in_flight"] == 0 && m["agent0_kv_cells_used_ratio"] == 0
	})
	if err := c.healthy(); err != nil {
		c.t.Error(err)
	}
}

// complete reports whether there was one of each at least.
func (m *mixed) complete() bool {
	for _, n := range []*atomic.Int64{&m.long, &m.slow, &m.unread, &m.invalid, &m.tooMany, &m.overloaded} {
		if n.Load() == 0 {
			return false
		}
	}
	return true
}

// refusal counts by whom a request was refused.
func (m *mixed) refusal(a *answer) {
	switch a.code {
	case "too_many_requests":
		m.tooMany.Add(1)
	case "overloaded":
		m.overloaded.Add(1)
	}
}

// sorts has ten clients of each of the other sorts come.
func (c *crowd) sorts(m *mixed) {
	for i := range 10 {
		chance := rand.New(rand.NewPCG(uint64(i), 13))
		for _, one := range []func(*mixed, *rand.Rand){c.long, c.slow, c.unread, c.invalid, c.flood} {
			mine := rand.New(rand.NewPCG(chance.Uint64(), 0))
			c.all.Go(func() {
				for !c.ending.Load() {
					one(m, mine)
				}
			})
		}
	}
}

// met notes an answer to a client of another sort, which is that or a refusal. It reports whether it was an answer.
func (c *crowd) met(m *mixed, a *answer) bool {
	refused, properly := a.refused()
	switch {
	case refused && !properly:
		c.t.Errorf("refused without a reason or a time: %v, %v", a.header, a)
	case refused:
		m.refusal(a)
		time.Sleep(50 * time.Millisecond) // Retry-After is seconds, which a test need not wait
	case !a.whole:
		c.t.Errorf("no answer: %v", a)
	}
	return a.whole
}

// long asks with a prompt that takes most of the context.
func (c *crowd) long(m *mixed, chance *rand.Rand) {
	var text strings.Builder
	for range 120 {
		fmt.Fprintf(&text, "%s ", words[chance.IntN(len(words))])
	}
	a := ask{body: map[string]any{"prompt": text.String(), "max_tokens": 30, "seed": 3}}
	got := a.do(context.Background(), c.client, c.server.URL, nil)
	if c.met(m, &got) {
		m.long.Add(1)
	}
}

// slow reads a stream more slowly than it is computed.
func (c *crowd) slow(m *mixed, chance *rand.Rand) {
	a := c.known[chance.IntN(len(c.known))].ask
	a.stream = true
	got := a.do(context.Background(), c.client, c.server.URL, func() { time.Sleep(20 * time.Millisecond) })
	if c.met(m, &got) {
		m.slow.Add(1)
	}
}

// flood asks for many texts at once, of one token each.
func (c *crowd) flood(m *mixed, chance *rand.Rand) {
	a := ask{body: map[string]any{"prompt": words[chance.IntN(len(words))], "n": 16, "max_tokens": 1, "seed": 5}}
	got := a.do(context.Background(), c.client, c.server.URL, nil)
	c.met(m, &got)
}

// invalid asks for what is refused for good.
func (c *crowd) invalid(m *mixed, chance *rand.Rand) {
	all := []ask{
		{body: map[string]any{"prompt": 7}},
		{body: map[string]any{"prompt": strings.Repeat("violin ", 2000)}},
		{body: map[string]any{"prompt": "a", "grammar": "root ::= missing"}},
		{chat: true, body: map[string]any{"messages": []string{"none"}}},
		{chat: true, body: map[string]any{"model": "another", "messages": []map[string]string{{"role": "user", "content": "?"}}, "temperature": "hot"}},
	}
	a := all[chance.IntN(len(all))]
	got := a.do(context.Background(), c.client, c.server.URL, nil)
	if refused, _ := got.refused(); refused {
		c.met(m, &got)
		return
	}
	if got.status != http.StatusBadRequest && got.status != http.StatusNotFound || got.said == "" {
		c.t.Errorf("%s: %v", a.key(), &got)
	}
	m.invalid.Add(1)
	time.Sleep(30 * time.Millisecond) // they cost little, and are not to be all that is asked
}

// unread asks for much, reads nothing of it for longer than the server waits, and leaves.
func (c *crowd) unread(m *mixed, _ *rand.Rand) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.server.URL, "http://"))
	if err != nil {
		c.t.Errorf("no connection: %v", err)
		return
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		c.t.Error(err)
	}
	body := `{"prompt":"A violin","n":2,"max_tokens":200,"ignore_eos":true,"logprobs":20,"stream":true,"seed":1}`
	if _, err := fmt.Fprintf(conn, "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		c.t.Errorf("cannot ask: %v", err)
		return
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Errorf("no answer began: %v", err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		got := answer{status: res.StatusCode, header: res.Header, said: "not read"}
		c.met(m, &got)
		return
	}
	m.unread.Add(1)
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end) && !c.ending.Load(); {
		time.Sleep(20 * time.Millisecond)
	}
}
