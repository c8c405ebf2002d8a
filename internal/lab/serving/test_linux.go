package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Patience is how long anything may take that a test waits for: much longer than it does on a busy machine.
const Patience = 2 * time.Minute

// Main builds the programs that the tests of a package run, and what more builds in their folder, runs the tests, and returns the
// exit status. Where an engine cannot be built it says what is missing, and no test runs.
func Main(m *testing.M, p *Programs, more ...func(dir string) error) int {
	dir, err := os.MkdirTemp("", "agent0-serving-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	*p, err = Build(dir)
	if errors.Is(err, ErrCannotBuild) {
		fmt.Println("skipping:", err)
		return 0
	}
	for _, build := range more {
		if err == nil {
			err = build(dir)
		}
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// Serve starts a server that ends with the test, as Start does. If the test fails, it shows what the front and its engines said.
func Serve(t testing.TB, p Programs, dir string, change func(*spec.Runtime)) *Server {
	t.Helper()
	s, err := Start(p, dir, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the front and its engines said:\n%s", said(s.Front().Log()))
		}
		s.Close() // the front may have ended
	})
	return s
}

// shown is how much of a log a failed test shows, in bytes: its end.
const shown = 32 << 10

// said is a log without its lines for requests.
func said(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"msg":"request"`) {
			kept.WriteString(line)
		}
	}
	all := kept.String()
	return all[max(0, len(all)-shown):]
}

// Await waits for /health to be as wanted, which what says in words.
func (s *Server) Await(t testing.TB, what string, wanted func(Health) bool) Health {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), Patience)
	defer stop()
	h, err := s.Until(ctx, wanted)
	if err != nil {
		t.Fatalf("it was never %s: %+v", what, h)
	}
	return h
}

// AwaitReady waits until a token was generated.
func (s *Server) AwaitReady(t testing.TB) Health {
	t.Helper()
	return s.Await(t, "ready", func(h Health) bool { return h.Ready })
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

// AwaitLog waits until the front or its engines have said something: /health may tell of it before the pipe has carried it here.
func (s *Server) AwaitLog(t testing.TB, text string) {
	t.Helper()
	Eventually(t, "the log says "+text, func() bool { return strings.Contains(s.Front().Log(), text) })
}

// Metrics returns the lines of /metrics that begin with a name.
func (s *Server) Metrics(t testing.TB, name string) string {
	t.Helper()
	res, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, name) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}
