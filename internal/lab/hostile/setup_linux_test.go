package hostile_test

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
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// programs are the real ones.
var programs serving.Programs

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "agent0-hostile-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs, err = serving.Build(dir)
	if errors.Is(err, serving.ErrCannotBuild) {
		fmt.Println("skipping:", err)
		return 0
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// patience is how long anything may take that is waited for: much longer than it does on a busy machine.
const patience = 2 * time.Minute

// start serves, without waiting for an engine.
func start(t *testing.T, change func(*spec.Runtime)) *serving.Server {
	t.Helper()
	s, err := serving.Start(programs, t.TempDir(), change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log := s.Front().Log(); t.Failed() {
			t.Logf("what the front and its engines said last:\n%s", log[max(0, len(log)-8000):])
		}
		s.Close() // the front may have ended
	})
	return s
}

// ready waits until a token was generated.
func ready(t *testing.T, s *serving.Server) serving.Health {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	h, err := s.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// small is the generator's small model, to be changed.
func small(t *testing.T) *gguftest.File {
	t.Helper()
	var b bytes.Buffer
	if err := gguftest.Write(&b, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	f, err := gguftest.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// written puts a model into a file of its own.
func written(t *testing.T, f *gguftest.File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// post sends a body and returns the whole answer.
func post(t *testing.T, s *serving.Server, path, body string) answer {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, b}
}

// fault is an error as the API has it.
type fault struct{ Message, Type, Param, Code string }

// problem takes apart the error of an answer, or says why it is none as the API has it.
func problem(body []byte) (fault, error) {
	var all map[string]map[string]*string
	if err := json.Unmarshal(body, &all); err != nil {
		return fault{}, fmt.Errorf("no error of the API: %.300q: %w", body, err)
	}
	e := all["error"]
	if len(all) != 1 || len(e) != 4 || e["message"] == nil || *e["message"] == "" || e["type"] == nil || *e["type"] == "" {
		return fault{}, fmt.Errorf("no error of the API: %.300q", body)
	}
	or := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return fault{*e["message"], *e["type"], or(e["param"]), or(e["code"])}, nil
}

// quote is a text in JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(b)
}
