package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// supported are the fields of a kind of request, as the reference has them: column 0 is of chats, 1 of completions.
func supported(t *testing.T, column int) []string {
	t.Helper()
	root, err := serving.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/reference/openai.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\w+) \| (\S+) \| (\S+) \|`).FindAllStringSubmatch(string(page), -1) {
		if row[2+column] == "supported" {
			out = append(out, row[1])
		}
	}
	if len(out) < 30 {
		t.Fatalf("the reference has only %q", out)
	}
	return out
}

// Whatever stands in a field, the answer is one, or an error that names the field; and the engine lives.
func TestExtremes(t *testing.T) {
	s := real(t)
	before, err := s.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Fields(`1e308 -1 "NaN" 9223372036854775808 -1e308 0 1.5 2147483648 NaN true [] {"-1":1} {"4095":1e308} [[]]`)
	taken, refused := 0, 0
	for column, path := range []string{"/v1/chat/completions", "/v1/completions"} {
		base := `"messages":[{"role":"user","content":"x"}]`
		if column == 1 {
			base, values = `"prompt":"x"`, values[:4]
		}
		for _, field := range supported(t, column) {
			if field == "messages" || field == "prompt" || field == "stream" {
				continue
			}
			for _, v := range values {
				short := `,"max_tokens":2`
				if strings.HasPrefix(field, "max_") || field == "n_predict" {
					short = "" // none of the values is one that they take
				}
				status, b, err := post(t.Context(), s, path, fmt.Sprintf(`{%s%s,%q:%s}`, base, short, field, v))
				if err != nil {
					t.Fatal(err)
				}
				var a answer
				if err := json.Unmarshal(b, &a); err != nil {
					t.Fatalf("%s=%s: %s", field, v, b)
				}
				switch {
				case status == http.StatusOK:
					taken++
				case status == http.StatusNotFound && field == "model", status == http.StatusBadRequest && (strings.HasPrefix(a.Error.Param, field) || a.Error.Code == "invalid_json"):
					refused++
				default:
					t.Errorf("%s %s=%s: %d %s", path, field, v, status, b)
				}
			}
		}
	}
	t.Logf("%d taken, %d refused", taken, refused)
	after, err := s.Health(t.Context())
	if err != nil || after.Engine.PID != before.Engine.PID || taken < 40 || refused < 300 {
		t.Errorf("%d taken, %d refused; the engine was %d and is %d (%v)", taken, refused, before.Engine.PID, after.Engine.PID, err)
	}
}

// Who goes away has the sequence cancelled.
func TestCancellation(t *testing.T) {
	s := real(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := asked(ctx, s, violin, map[string]any{"ignore_eos": true, "max_tokens": 1900, "n": 2})
		failed <- err
	}()
	wait, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	if _, err := s.Until(wait, func(h serving.Health) bool { return h.Engine.Running == 2 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-failed; err == nil {
		t.Error("it was computed to its end")
	}
	if _, err := s.Until(wait, func(h serving.Health) bool { return h.Engine.Running == 0 }); err != nil {
		t.Error(err)
	}
}
