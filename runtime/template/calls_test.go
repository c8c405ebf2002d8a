package template

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func formOf(t *testing.T, source string) (CallForm, error) {
	t.Helper()
	parsed, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return Calls(parsed, Tokens{BOS: "<s>", EOS: "</s>"})
}

// What published templates write around calls. All that write them so have the same marks.
func TestCalls(t *testing.T) {
	known := strings.Fields("granite4 granite4-350m qwen2.5-0.5b qwen2.5-coder-1.5b qwen3-0.6b qwen3-next-80b qwq-32b qwq-32b-2 qwq-32b-3 rnj-1")
	// These tell the model of tools and write calls otherwise, or none.
	other := strings.Fields("granite3-dense-2b granite3.1-moe-1b granite3.2-8b granite3.2-vision-2b granite3.3-2b qwen3-coder-30b")
	var found, refused []string
	templates := published(t, "testdata/published")
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		f, err := formOf(t, templates[name])
		switch {
		case err == nil:
			found = append(found, name)
			if f != (CallForm{"<tool_call>", "</tool_call>"}) {
				t.Errorf("%s: %q", name, f)
			}
		case !strings.Contains(err.Error(), "does not tell the model of tools"):
			refused = append(refused, name)
		}
	}
	t.Logf("%d templates: %d write calls in a known form, %d otherwise", len(templates), len(found), len(refused))
	if !slices.Equal(found, known) || !slices.Equal(refused, other) {
		t.Errorf("known %q, others %q", found, refused)
	}
}

func TestCallForms(t *testing.T) {
	const head = `{% if tools %}TOOLS {{ tools | tojson }}{% endif %}{% for m in messages %}<|{{ m.role }}|>`
	const tail = `{{ m.content or '' }}{% endfor %}`
	calls := func(s string) string { return head + `{% for c in m.tool_calls or [] %}` + s + `{% endfor %}` + tail }
	const object = `{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}`
	for name, c := range map[string]struct {
		source string
		want   CallForm
		says   string
	}{
		"marks that touch":  {calls(`<call>` + object + `</call>`), CallForm{"<call>", "</call>"}, ""},
		"words":             {calls("\nAction: " + object + "\nEnd of action\n"), CallForm{"Action:", "End of action"}, ""},
		"head ends as mark": {strings.ReplaceAll(calls(`>>`+object+`<<`), "|>", ">>"), CallForm{">>", "<<"}, ""},
		"nothing around":    {calls(object), CallForm{}, "between marks of its own"},
		"no end":            {calls("<call>" + object), CallForm{}, "between marks of its own"},
		"a list":            {head + `{% for c in m.tool_calls or [] %}{{ "[" if loop.first else ", " }}` + object + `{% endfor %}` + tail, CallForm{}, "between marks of its own"},
		"other members":     {calls(`<call>{"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}</call>`), CallForm{}, "between marks of its own"},
		"no tools":          {strings.TrimPrefix(calls(`<call>`+object+`</call>`), `{% if tools %}TOOLS {{ tools | tojson }}{% endif %}`), CallForm{}, "does not tell the model of tools"},
		"one call only":     {calls(`{{ raise_exception("one") if loop.index > 1 }}<call>` + object + `</call>`), CallForm{}, "no two of them"},
		"a mark of JSON":    {calls(`{"call":` + object + `}`), CallForm{}, "between marks of its own"},
		"without calls":     {head + tail, CallForm{}, "writes no calls"},
		"no template":       {ChatML, CallForm{}, "does not tell the model of tools"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := formOf(t, c.source)
			if f != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q, %v", f, err)
			}
		})
	}
}
