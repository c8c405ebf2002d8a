package template

import (
	"encoding/json"
	"testing"
)

// example is a template with what Jinja2 makes of it.
type example struct {
	Template string          `json:"template"`
	Vars     json.RawMessage `json:"vars,omitempty"`
	answer
}

// TestLanguage goes through the language, one example after the other. Expected outputs are written by Jinja2, with
// AGENT0_UPDATE=1.
func TestLanguage(t *testing.T) {
	const path = "testdata/language.json"
	var examples []example
	readJSON(t, path, &examples)
	jobs := make([]job, len(examples))
	for i, e := range examples {
		if e.Vars == nil {
			e.Vars = []byte("{}")
		}
		jobs[i] = job{e.Template, e.Vars}
	}
	if updating() {
		for i, a := range jinja(t, jobs) {
			examples[i].answer = a
		}
		writeJSON(t, path, examples)
	}
	for i, e := range examples {
		if got := ours(t, jobs[i]); !got.same(e.answer) {
			t.Errorf("%q\n  ours: %s\nJinja2: %s", e.Template, got, e.answer)
		}
	}
	t.Logf("%d examples", len(examples))
}

// TestLanguageLive asks the Jinja2 that is installed.
func TestLanguageLive(t *testing.T) {
	var examples []example
	readJSON(t, "testdata/language.json", &examples)
	var jobs []job
	for _, e := range examples {
		if e.Vars == nil {
			e.Vars = []byte("{}")
		}
		jobs = append(jobs, job{e.Template, e.Vars})
	}
	compare(t, jobs)
}
