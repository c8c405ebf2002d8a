package hostile_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

const key = "sk-hostile-1234567890"

// guarded serves with an API key and limits of time that a test can wait for.
func guarded(t *testing.T) *serving.Server {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *spec.Runtime) {
		c.Server.KeysFile, c.Server.OpenMetrics = keys, true
		c.Server.HeaderTimeout, c.Server.ReadTimeout, c.Server.WriteStall, c.Server.IdleTimeout = 300*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, time.Second
	})
	s.AwaitReady(t)
	return s
}

// raw is what came back over a connection of its own: status 0 where that was closed without an answer.
type raw struct {
	status int
	json   bool
	body   []byte
	more   []int // the statuses of further answers
}

// send writes bytes as they are, and reads answers until the server closes the connection.
func send(t *testing.T, s *serving.Server, b []byte) raw {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(serving.Patience)); err != nil {
		t.Fatal(err)
	}
	go func() { // the server may answer, and close, before it has read all; this ends with the connection
		if _, err := c.Write(b); err == nil {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	var out raw
	in := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatalf("the connection stays open after %.200q", b)
			}
			return out
		}
		body, _ := io.ReadAll(res.Body) // a connection that is reset has given what it could
		if out.status == 0 {
			out.status, out.body, out.json = res.StatusCode, body, res.Header.Get("Content-Type") == "application/json"
		} else {
			out.more = append(out.more, res.StatusCode)
		}
	}
}

// Whatever comes over a connection is answered as it should be, and costs neither the front nor the engine anything.
func TestWrongRequests(t *testing.T) {
	s := guarded(t)
	before := s.AwaitReady(t)
	goroutines := metric(t, s, "go_goroutines")
	all := slices.Concat(bodies(), lines(), keysAsked())
	hit, tally := 0, map[int]int{}
	for _, c := range all {
		a := send(t, s, c.raw)
		tally[a.status]++
		if !slices.Contains(c.statuses, a.status) {
			t.Errorf("%s: %d %.300q", c.name, a.status, a.body)
			continue
		}
		if a.json && a.status >= 400 {
			if f, err := problem(a.body); err != nil || f.Code != c.code {
				t.Errorf("%s: %+v, %v", c.name, f, err)
			}
		} else if c.code != "" {
			t.Errorf("%s: no error of the API: %.300q", c.name, a.body)
		}
		hit++
	}
	t.Logf("%d points, %d hit; answers by status: %v", len(all), hit, tally)
	if hit != len(all) {
		t.Errorf("%d points, and %d were hit", len(all), hit)
	}
	unharmed(t, s, before, goroutines)
}

// Several requests at once over one connection are answered one after the other.
func TestPipelining(t *testing.T) {
	s := guarded(t)
	one := []byte(toComplete + "\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n" + sized(good) + "\r\n" + good)
	a := send(t, s, slices.Concat(one, one, []byte(strings.Replace(string(one), key, "other", 1)), one, []byte("nonsense\r\n\r\n"), one))
	if got := append([]int{a.status}, a.more...); !slices.Equal(got, []int{200, 200, 401, 200, 400}) {
		t.Errorf("answered with %v", got)
	}
}

// mutations is how many requests with random damage are sent.
const mutations = 400

// Requests that are damaged at random places are answered or refused, and cost nothing.
func TestMutatedRequests(t *testing.T) {
	s := guarded(t)
	before := s.AwaitReady(t)
	goroutines := metric(t, s, "go_goroutines")
	var whole [][]byte
	for _, path := range []string{"/v1/completions", "/v1/chat/completions", "/tokenize"} {
		body := map[string]string{"/v1/completions": `{"prompt":["a",[1,2]],"max_tokens":2,"stop":["x"],"logit_bias":{"5":1.5},"stream":true,"seed":-1}`,
			"/v1/chat/completions": `{"messages":[{"role":"user","content":"a \ud83d\ude00"}],"max_tokens":2,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"integer"}}}}`,
			"/tokenize":            `{"content":"some text","add_special":true}`}[path]
		whole = append(whole, request("POST "+path+" HTTP/1.1", sized(body), body))
	}
	r, tally, answered := rand.New(rand.NewPCG(3, 4)), map[int]int{}, 0
	for i := range mutations {
		b := mutated(r, whole[i%len(whole)])
		a := send(t, s, b)
		tally[a.status]++
		if a.status == 0 && len(a.body) > 0 || a.status >= 500 && a.status != 501 && a.status != 505 {
			t.Errorf("%q: %d %q", b, a.status, a.body)
		}
		if a.json && a.status >= 400 {
			if _, err := problem(a.body); err != nil {
				t.Errorf("%q: %v", b, err)
			}
		}
		answered++
	}
	t.Logf("%d requests, %d sent; answers by status: %v", mutations, answered, tally)
	if tally[400] == 0 || tally[200] == 0 || answered != mutations {
		t.Errorf("%v", tally)
	}
	unharmed(t, s, before, goroutines)
}

// mutated is a request with up to four places changed.
func mutated(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(4) {
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b = slices.Delete(b, at, min(len(b), at+1+r.IntN(8)))
		case 2:
			b = slices.Insert(b, at, b[at:min(len(b), at+1+r.IntN(16))]...)
		case 3:
			b = slices.Insert(b, at, []byte([]string{"\x00", "\r\n", "[", "{", "\"", "1e999", "\xff", "-", "\\u0000", "null"}[r.IntN(10)])...)
		case 4:
			b = b[:max(1, at)]
		}
		if len(b) == 0 {
			return []byte("x")
		}
	}
	return b
}

// metric reads one number of /metrics.
func metric(t *testing.T, s *serving.Server, name string) float64 {
	t.Helper()
	res, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for sc := bufio.NewScanner(res.Body); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return 0
}

// unharmed waits until the server is as it was: the same engine, nothing under way, and no goroutine more than connections of this test.
func unharmed(t *testing.T, s *serving.Server, before serving.Health, goroutines float64) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	http.DefaultClient.CloseIdleConnections()
	h, err := s.Until(ctx, func(h serving.Health) bool {
		return h.Engine.Running == 0 && h.Engine.Waiting == 0 && metric(t, s, "go_goroutines") <= goroutines+2
	})
	if err != nil {
		t.Fatal(err)
	}
	if !h.Ready || h.Engine.PID != before.Engine.PID || exits(h) != 0 || h.Engine.Replayed+h.Engine.Quarantined != 0 {
		t.Errorf("before: %+v\nafter: %+v", before, h)
	}
	select {
	case <-s.Front().Ended():
		t.Error("the front has ended")
	default:
	}
}
