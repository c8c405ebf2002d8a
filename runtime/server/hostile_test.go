package server

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// hostileValues are one of each type, and those that are hard to hold.
func hostileValues() map[string]string {
	return map[string]string{
		"null": "null", "true": "true", "false": "false", "zero": "0", "less than zero": "-1", "minus zero": "-0", "a fraction": "0.5", "almost zero": "1e-400",
		"2^31": "2147483648", "2^64": "18446744073709551616", "less than any int64": "-9223372036854775809", "1e300": "1e300", "no float64": "1e999", "long number": strings.Repeat("9", 5000),
		"empty text": `""`, "text": `"x"`, "text with NUL": `"a\u0000b"`, "half a character": `"\ud800"`, "long text": `"` + strings.Repeat("x", 100_000) + `"`,
		"empty array": "[]", "array of null": "[null]", "array of arrays": "[[[]]]", "mixed array": `[1,"a",null,{}]`, "long array": "[" + strings.Repeat("0,", 10_000) + "0]",
		"empty object": "{}", "object": `{"a":1}`, "object of null": `{"type":null}`, "nested object": strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60),
		"wide object": wide(5000), "deeper than taken": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	}
}

// wide is an object of many members.
func wide(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + strings.Repeat("k", i%7) + string(rune('a'+i%26)) + encodeInt(i) + `":0`)
	}
	return "{" + b.String()[1:] + "}"
}

func encodeInt(i int) string { return string(encode(i)) }

// Every field with a value of every type is answered, or refused with an error that names the field. Nothing stays behind.
func TestEveryFieldWithEveryValue(t *testing.T) {
	values := hostileValues()
	points, hit := 0, 0
	statuses := map[int]int{}
	r := start(t, func(c *spec.Server, _ *Options) { c.MaxTokens, c.MaxN = 4, 2 })
	for _, api := range []struct {
		path, base string
		use        func(field) use
		more       []string
	}{
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]`, func(f field) use { return f.chat }, nil},
		{"/v1/completions", `{"prompt":"x"`, func(f field) use { return f.completion }, nil},
	} {
		for _, f := range fields() {
			if api.use(f) == absent {
				continue
			}
			base := api.base
			if f.name == "messages" || f.name == "prompt" {
				base = `{"model":"tiny"`
			}
			for what, v := range values {
				points++
				a := r.do(t, "POST", api.path, base+`,"`+f.name+`":`+v+"}")
				statuses[a.StatusCode]++
				switch {
				case a.StatusCode == 200:
					hit++
				case a.StatusCode == 400 || a.StatusCode == 404 && f.name == "model":
					hit++
					p := a.problem(t)
					if p.Type != invalidRequest && p.Type != notFound || p.code() == "" || len(p.Message) > 1100 || len(p.param()) > 1100 {
						t.Errorf("%s with %s: %.300s", f.name, what, a.body)
					}
					// A part of a tool may be called by the tool's name.
					if p.code() != "invalid_json" && !strings.Contains(p.param()+p.Message, f.name) {
						t.Errorf("%s with %s: the error does not name it: %.300s", f.name, what, a.body)
					}
				default:
					t.Errorf("%s with %s: %d %.300s", f.name, what, a.StatusCode, a.body)
				}
			}
		}
	}
	t.Logf("%d points, %d hit; answers by status: %v", points, hit, statuses)
	if points != hit || statuses[200] == 0 || statuses[400] == 0 {
		t.Errorf("%d points, and %d were hit", points, hit)
	}
	r.until(t, "nothing is inside", func() bool { n, _ := r.server.doors.state(); return n == 0 && r.inEngine() == 0 })
}
