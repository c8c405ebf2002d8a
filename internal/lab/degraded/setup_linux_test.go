// Package degraded_test runs the server on hosts that lack something, or have something that is broken: it computes all the same and
// says what it could have, or says what to install.
package degraded_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

var programs serving.Programs

// TestMain is also how a front is started under a kernel that has no Landlock.
func TestMain(m *testing.M) {
	if program := os.Getenv(withoutLandlock); program != "" {
		fmt.Println(becomeWithoutLandlock(program, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(serving.Main(m, &programs))
}

// start serves with programs. What its engines remember is in a folder of the test's.
func start(t *testing.T, p serving.Programs, change func(*spec.Runtime)) *serving.Server {
	t.Helper()
	t.Setenv("RUNTIME_DIRECTORY", t.TempDir())
	return serving.Serve(t, p, t.TempDir(), change)
}

// answer is what the model says, the likeliest each time.
func answer(t *testing.T, s *serving.Server, word string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"model": "agent0-tiny", "prompt": "<|im_start|>user\nWhat is a " + word + "?<|im_end|>\n<|im_start|>assistant\n", "max_tokens": 60, "temperature": 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(s.URL+"/v1/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct {
		Choices []struct {
			Text string `json:"text"`
		} `json:"choices"`
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil || len(a.Choices) != 1 {
		t.Fatalf("%d: %+v, %v", res.StatusCode, a, err)
	}
	return a.Choices[0].Text
}

// degradedIs checks that /health, the metrics and the log all tell of what is degraded: for each of want one line that has it.
func degradedIs(t *testing.T, s *serving.Server, h serving.Health, want ...string) {
	t.Helper()
	if len(h.Degraded) != len(want) || (h.Status == "degraded") != (len(want) > 0) {
		t.Errorf("%s: %q, want %q", h.Status, h.Degraded, want)
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(h.Degraded, "\n"), w) {
			t.Errorf("%q does not say %q", h.Degraded, w)
		}
		s.AwaitLog(t, strings.Trim(fmt.Sprintf("%q", w), `"`)) // as JSON has it
	}
	if got := s.Metrics(t, "agent0_engine_degraded"); got != fmt.Sprintf("agent0_engine_degraded %d", len(want)) {
		t.Errorf("%s, want %d", got, len(want))
	}
}

// copied puts a file into a folder, under a name.
func copied(t *testing.T, from, dir, name string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	install(t, dir, name, b, 0o755)
}

// install replaces a program as package managers do: a whole one takes the place of another.
func install(t *testing.T, dir, name string, b []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(path+".new", mode), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}
