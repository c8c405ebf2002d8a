package grammar_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
)

const callSchema = `{"type":"object","properties":{"name":{"const":"f"},"arguments":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}},"required":["name","arguments"],"additionalProperties":false}`

// What is an answer with calls is decided here by cutting it at the marks.
func TestCalls(t *testing.T) {
	object := regexp.MustCompile(`^[\n ]{0,2}\{"name": ?"f", ?"arguments": ?\{"n": ?-?\d+\}\}[\n ]{0,2}$`)
	for _, mark := range []struct{ open, end string }{{"<tool_call>", "</tool_call>"}, {"<<a", ">"}, {"abab", "ba"}, {"é😀é", "漢"}, {"x", "y"}} {
		for _, f := range []grammar.CallForm{{}, {Several: true}, {Required: true}, {Required: true, Several: true}} {
			f.Open, f.Close = mark.open, mark.end
			text, err := grammar.Calls([]byte(callSchema), f, grammar.Limits{Spaces: true})
			if err != nil {
				t.Fatal(err)
			}
			g, err := grammartest.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			want := func(s string) bool {
				parts := strings.Split(s, f.Open)
				calls := parts[1:]
				if f.Required && (len(calls) == 0 || parts[0] != "") || !f.Several && len(calls) > 1 {
					return false
				}
				for i, c := range calls {
					body, after, ok := strings.Cut(c, f.Close)
					if !ok || !object.MatchString(body) || i == len(calls)-1 && after != "" || len(after) > 2 || strings.Trim(after, "\n ") != "" {
						return false
					}
				}
				return true
			}
			in, out := checkCalls(t, g, f, want)
			if in < 50 || out < 50 {
				t.Errorf("%+v: %d in the grammar, %d not", f, in, out)
			}
		}
	}
}

// checkCalls compares what the grammar says of texts with what is wanted, for texts that it makes and for damaged ones.
func checkCalls(t *testing.T, g *grammartest.Grammar, f grammar.CallForm, want func(string) bool) (in, out int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 5))
	call := f.Open + "\n" + `{"name": "f", "arguments": {"n": 12}}` + "\n" + f.Close
	bits := []string{f.Open, f.Close, call, call, "\n", " ", "b", string([]rune(f.Open)[:1]), strings.TrimSuffix(f.Open, string([]rune(f.Open)[len([]rune(f.Open))-1:])), "x🙂\t"}
	for i := range 400 {
		text := ""
		if i%2 == 0 {
			made, err := g.Generate(r, i)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := g.Match(made); err != nil || !ok || !want(made) {
				t.Fatalf("%+v: the grammar makes %q (%v)", f, made, err)
			}
			in++
			text = made + bits[r.IntN(len(bits))]
		} else {
			for range 1 + r.IntN(4) {
				text += bits[r.IntN(len(bits))]
			}
		}
		ok, err := g.Match(text)
		if err != nil || ok != want(text) {
			t.Fatalf("%+v: %q: %v (%v), want %v", f, text, ok, err, want(text))
		}
		if ok {
			in++
		} else {
			out++
		}
	}
	return in, out
}

// Without marks an answer is the object of one call.
func TestCallsWithoutMarks(t *testing.T) {
	plain, err := grammar.Calls([]byte(callSchema), grammar.CallForm{Required: true}, grammar.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if same, err := grammar.Schema([]byte(callSchema), grammar.Limits{}); err != nil || same != plain {
		t.Errorf("%v\n%s\n%s", err, plain, same)
	}
	if _, err := grammar.Calls([]byte(`{"type":7}`), grammar.CallForm{Open: "<x>", Close: "</x>"}, grammar.Limits{}); err == nil || !strings.Contains(err.Error(), "/type") {
		t.Error(err)
	}
}
