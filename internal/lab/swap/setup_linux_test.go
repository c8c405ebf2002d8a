package swap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

var programs serving.Programs

func TestMain(m *testing.M) { os.Exit(serving.Main(m, &programs)) }

// change writes another configuration and has the front read it.
func change(t *testing.T, s *serving.Server, f func(*spec.Runtime)) {
	t.Helper()
	f(&s.Config)
	if err := errors.Join(s.Configure(), s.Reload()); err != nil {
		t.Fatal(err)
	}
}

// another is a copy of the model with another name in it, which computes the same.
func another(t *testing.T, dir string) string {
	t.Helper()
	tiny, err := serving.Tiny()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(b, []byte("agent0-tiny"), []byte("agent0-twin"), 1)
	if bytes.Equal(changed, b) {
		t.Fatal("the model's name is not in its file")
	}
	path := filepath.Join(dir, "twin.gguf")
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var words = strings.Fields("violin river mountain king castle bread horse doctor garden winter island bridge teacher ship forest apple lion bottle window pencil")

// ask asks what a word means, and returns the status and the text.
func ask(ctx context.Context, s *serving.Server, model, word string, stream bool) (int, string, error) {
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": stream, "temperature": 0, "max_tokens": 80,
		"messages": []map[string]string{{"role": "user", "content": "What is a " + word + "?"}},
	})
	if err != nil {
		return 0, "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return res.StatusCode, string(b), err
	}
	text, err := read(b, stream)
	return res.StatusCode, text, err
}

// read returns the text of an answer, which has to have come to its end.
func read(b []byte, stream bool) (string, error) {
	type answer struct {
		Choices []struct {
			Message, Delta struct{ Content string }
			Finish         string `json:"finish_reason"`
		}
		Error json.RawMessage
	}
	parts := []string{string(b)}
	if stream {
		all, done := strings.CutSuffix(strings.TrimSpace(string(b)), "data: [DONE]")
		if !done {
			return "", fmt.Errorf("the stream does not end: %s", b)
		}
		parts = strings.Split(all, "data: ")[1:]
	}
	text, finish := "", ""
	for _, p := range parts {
		var a answer
		if err := json.Unmarshal([]byte(p), &a); err != nil || a.Error != nil {
			return "", fmt.Errorf("%w: %s", err, p)
		}
		for _, c := range a.Choices {
			text += c.Message.Content + c.Delta.Content
			finish += c.Finish
		}
	}
	if finish == "" {
		return "", fmt.Errorf("the answer does not end: %s", b)
	}
	return text, nil
}

// load are clients that ask again and again, and what came of it.
type load struct {
	stop    chan struct{}
	clients sync.WaitGroup

	mu              sync.Mutex
	asked, same     int
	failed, differs []string
}

// alone is what each word means, asked for alone.
func alone(t *testing.T, s *serving.Server, model string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, w := range words {
		status, text, err := ask(t.Context(), s, model, w, false)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %q %v", w, status, text, err)
		}
		all[w] = text
	}
	return all
}

// ask has clients ask until they are told to stop: half of them for streams.
func newLoad(ctx context.Context, s *serving.Server, model string, clients int, want map[string]string) *load {
	l := &load{stop: make(chan struct{})}
	for i := range clients {
		l.clients.Go(func() {
			for n := i; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				word := words[n%len(words)]
				status, text, err := ask(ctx, s, model, word, i%2 == 0)
				l.note(word, want[word], status, text, err)
			}
		})
	}
	return l
}

func (l *load) note(word, want string, status int, text string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	switch {
	case err != nil || status != http.StatusOK:
		l.failed = append(l.failed, fmt.Sprintf("%s: %d %q %v", word, status, text, err))
	case text == want:
		l.same++
	default:
		l.differs = append(l.differs, fmt.Sprintf("%s: %q, alone %q", word, text, want))
	}
}

// more waits until so many more answers are there.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.asked
	}
	before := count()
	serving.Eventually(t, "answers come", func() bool { return count() >= before+n })
}

// end ends the load. None may have failed. That an answer differs is rounding in a batch of another size: it is rare.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.clients.Wait()
	t.Logf("%d requests, %d as alone, %d failed", l.asked, l.same, len(l.failed))
	for _, f := range l.failed {
		t.Errorf("failed: %s", f)
	}
	if l.same*100 < l.asked*97 {
		t.Errorf("%d of %d differ, such as %v", len(l.differs), l.asked, l.differs[:min(5, len(l.differs))])
	}
}
