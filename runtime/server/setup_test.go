package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// limit is how long a test waits for what has to come: far longer than it takes.
const limit = time.Minute

// TestMain fails when tests leave goroutines behind.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	// The signal handlers and caches of a run are a few; a leak in a server has one for each request.
	deadline := time.Now().Add(limit)
	for code == 0 && runtime.NumGoroutine() > before+2 {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "%d goroutines, %d before:\n%s\n", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			code = 1
		}
		<-time.After(time.Millisecond)
	}
	os.Exit(code)
}

// rig is a server on a real port, with the fake behind it.
type rig struct {
	*fake
	server *Server
	addr   string
	url    string
	log    *logged
	cancel context.CancelFunc // ends it
	wait   func() error       // for its end
}

// logged is a log that can be read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

const key = "sk-test-1234567890"

// start starts a server; changes change its configuration.
func start(t testing.TB, changes ...func(*spec.Server, *Options)) *rig {
	t.Helper()
	cfg := spec.DefaultServer()
	cfg.Model, cfg.Aliases = "tiny", []string{"org/alias"}
	r := &rig{fake: newFake(), log: &logged{}}
	keys, err := ParseKeys("# keys\nother\n" + key + "\n")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Engine: r.fake, Grammars: testGrammars(), Keys: keys, Log: slog.New(slog.NewJSONHandler(r.log, nil))}
	for _, c := range changes {
		c(&cfg, &o)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if r.server, err = New(cfg, o); err != nil {
		t.Fatal(err)
	}
	r.addr = listener.Addr().String()
	r.url = "http://" + r.addr
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, listener) }()
	r.cancel = cancel
	r.wait = sync.OnceValue(func() error {
		select {
		case err := <-ended:
			return err
		case <-time.After(limit):
			t.Error("the server does not end")
			return nil
		}
	})
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		cancel()
		_ = r.wait() // tests that end it look at what comes of it
	})
	return r
}

// answered is an answer that has been read to its end.
type answered struct {
	*http.Response
	body []byte
}

func (a *answered) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return m
}

// problem is the error of an answer, which has to have the API's shape.
type problem struct {
	Message, Type string
	Param, Code   *string
}

func (a *answered) problem(t testing.TB) problem {
	t.Helper()
	var whole map[string]map[string]*string
	if err := json.Unmarshal(a.body, &whole); err != nil || len(whole) != 1 || len(whole["error"]) != 4 {
		t.Fatalf("status %d: no error of the API: %q (%v)", a.StatusCode, a.body, err)
	}
	e := whole["error"]
	if e["message"] == nil || *e["message"] == "" || e["type"] == nil || *e["type"] == "" {
		t.Fatalf("no message or type: %q", a.body)
	}
	return problem{*e["message"], *e["type"], e["param"], e["code"]}
}

func (p problem) param() string {
	if p.Param == nil {
		return ""
	}
	return *p.Param
}

func (p problem) code() string {
	if p.Code == nil {
		return ""
	}
	return *p.Code
}

// do asks with the key.
func (r *rig) do(t testing.TB, method, path, body string, header ...string) *answered {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else if header[i+1] == "" {
			req.Header.Del(header[i])
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answered{resp, all}
}

func (r *rig) chat(t testing.TB, body string) *answered {
	return r.do(t, "POST", "/v1/chat/completions", body)
}

// ask is a chat with one message and more fields.
func ask(text string, fields ...string) string {
	return fmt.Sprintf(`{"messages":[{"role":"user","content":%s}]%s}`, encode(text), strings.Join(append([]string{""}, fields...), ","))
}

// events are the data of a stream.
func (a *answered) events(t testing.TB) []string {
	t.Helper()
	if got := a.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("status %d, %s: %s", a.StatusCode, got, a.body)
	}
	var out []string
	sc := bufio.NewScanner(bytes.NewReader(a.body))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if line := sc.Text(); line != "" {
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok {
				t.Fatalf("no event: %q", line)
			}
			out = append(out, data)
		}
	}
	return out
}

// until waits for what the engine's sequences have to come to.
func (r *rig) until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-r.changed:
		case <-tick.C:
		case <-end:
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

func (r *rig) inEngine() int { return len(r.Status().State.Running) }
