package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// programs are the real ones.
var programs serving.Programs

func TestMain(m *testing.M) { os.Exit(serving.Main(m, &programs)) }

// start serves, without waiting for an engine.
func start(t *testing.T, change func(*spec.Runtime)) *serving.Server {
	t.Helper()
	return serving.Serve(t, programs, t.TempDir(), change)
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
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
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
