package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden is what Jinja2 made of one published template and one conversation.
type golden struct {
	Template     string `json:"template"`
	Conversation string `json:"conversation"`
	answer
}

// published are the templates in a folder, by name.
func published(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jinja"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".jinja")] = string(b)
	}
	return out
}

// conversations pairs each template with each conversation of testdata, with what Hugging Face hands over beside it.
func conversations(t *testing.T, templates map[string]string) ([]golden, []job) {
	t.Helper()
	var list []struct {
		Name string                     `json:"name"`
		Vars map[string]json.RawMessage `json:"vars"`
	}
	readJSON(t, "testdata/conversations.json", &list)
	var names []golden
	var jobs []job
	for _, name := range sortedKeys(asAny(templates)) {
		for _, c := range list {
			vars := map[string]json.RawMessage{
				"tools": []byte("null"), "documents": []byte("null"), "add_generation_prompt": []byte("true"), "bos_token": []byte(`"<s>"`), "eos_token": []byte(`"</s>"`),
			}
			for k, v := range c.Vars {
				vars[k] = v
			}
			b, err := json.Marshal(vars)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, golden{Template: name, Conversation: c.Name})
			jobs = append(jobs, job{templates[name], b})
		}
	}
	return names, jobs
}

func asAny(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// TestPublished compares what comes out of published templates with what came out of Jinja2.
func TestPublished(t *testing.T) {
	const path = "testdata/golden.json"
	templates := published(t, "testdata/published")
	names, jobs := conversations(t, templates)
	if updating() {
		for i, a := range jinja(t, jobs) {
			names[i].answer = a
		}
		writeJSON(t, path, names)
	}
	var want []golden
	readJSON(t, path, &want)
	if len(want) != len(jobs) {
		t.Fatalf("%d expected outputs for %d templates and conversations: run with AGENT0_UPDATE=1", len(want), len(jobs))
	}
	equal, texts := 0, 0
	for i, w := range want {
		if w.Template != names[i].Template || w.Conversation != names[i].Conversation {
			t.Fatalf("%s, %s is expected where %s, %s is", w.Template, w.Conversation, names[i].Template, names[i].Conversation)
		}
		got := ours(t, jobs[i])
		if !got.same(w.answer) {
			t.Errorf("%s, %s:\n  ours: %s\nJinja2: %s", w.Template, w.Conversation, got, w.answer)
			continue
		}
		equal++
		if got.Out != nil {
			texts++
		}
	}
	t.Logf("%d templates × %d conversations: %d of %d are the same, of which %d are texts", len(templates), len(want)/len(templates), equal, len(want), texts)
	if len(templates) < 40 || texts < len(want)/2 {
		t.Errorf("too few: %d templates, %d texts", len(templates), texts)
	}
}

// TestPublishedLive asks the Jinja2 that is installed, and takes the templates in the folder $AGENT0_TEMPLATES, too.
func TestPublishedLive(t *testing.T) {
	templates := published(t, "testdata/published")
	if dir := os.Getenv("AGENT0_TEMPLATES"); dir != "" {
		for k, v := range published(t, dir) {
			templates[k] = v
		}
	}
	_, jobs := conversations(t, templates)
	compare(t, jobs)
}
