package grammar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest/schemas"
)

// validator is somebody else's reading of a schema.
func validator(t testing.TB, schema string, legacy bool) func(text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if legacy {
		c.DefaultDraft(jsonschema.Draft7)
	}
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
}

// twice returns a name of the list that an object in a text has two times.
func twice(t *testing.T, text string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var read func() string
	read = func() string {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		delim, ok := tok.(json.Delim)
		if !ok {
			return ""
		}
		seen := map[string]bool{}
		bad := ""
		for d.More() {
			if delim == '{' {
				k, err := d.Token()
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if key := k.(string); seen[key] && slices.Contains(schemas.Names(), key) {
					bad = key
				}
				seen[k.(string)] = true
			}
			if b := read(); b != "" {
				bad = b
			}
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return bad
	}
	return read()
}

const (
	randomSchemas = 1000
	textsOfEach   = 12
)

// What random schemas become is valid by another implementation, and what is valid by construction is in the grammar.
func TestRandomSchemas(t *testing.T) {
	uses, refused := map[string]int{}, map[string]int{}
	made, texts, instances, missed := 0, 0, 0, 0
	for seed := range uint64(randomSchemas) {
		r := rand.New(rand.NewPCG(seed, 7))
		legacy := seed%3 == 0
		s := schemas.Random(r, legacy, uses)
		limits := grammar.Limits{Nesting: 3}
		text, err := grammar.Schema([]byte(s.Text), limits)
		if err != nil {
			var e *grammar.Error
			if !errors.As(err, &e) {
				t.Fatalf("seed %d: %v is no *Error", seed, err)
			}
			refused[e.Keyword+": "+e.Reason]++
			continue
		}
		made++
		if err := grammar.Check(text, grammar.Limits{Bytes: grammar.DefaultOutput}); err != nil {
			t.Fatalf("seed %d: %s\n%s: %v", seed, s.Text, text, err)
		}
		g, err := grammartest.Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %s\n%s: %v", seed, s.Text, text, err)
		}
		if g.Uses(0, 0x1f) || g.Uses(0xd800, 0xdfff) || g.Uses(0x110000, 0x7fffffff) {
			t.Fatalf("seed %d: the grammar of\n%s\nhas control characters, or what is none\n%s", seed, s.Text, text)
		}
		valid := validator(t, s.Same, legacy)
		for i := range textsOfEach {
			length := []int{0, 5, 30, 120, 400}[i%5]
			out, err := g.Generate(r, length)
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, s.Text, err)
			}
			texts++
			if err := valid(out); err != nil {
				t.Fatalf("seed %d: the grammar of\n%s\nwrites\n%s\nwhich is not valid: %v\n%s", seed, s.Text, out, err, text)
			}
			if name := twice(t, out); name != "" {
				t.Fatalf("seed %d: the grammar of\n%s\nwrites %q twice in\n%s", seed, s.Text, name, out)
			}
		}
		for range textsOfEach {
			in := s.Instance(0)
			if err := valid(in); err != nil {
				missed++ // a branch that the instance was not made for, such as of a oneOf
				continue
			}
			instances++
			if ok, err := g.Match(in); err != nil || !ok {
				at := longest(g, in)
				t.Fatalf("seed %d: the grammar of\n%s\ndoes not accept\n%s\nafter %q (%v)\n%s", seed, s.Text, in, at, err, text)
			}
		}
	}
	var lost int
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("refused %d: %s", refused[reason], reason)
		lost += refused[reason]
	}
	t.Logf("%d schemas, %d made, %d refused; %d texts valid, %d instances accepted, %d instances were not valid", randomSchemas, made, lost, texts, instances, missed)
	t.Log(fmt.Sprint("keywords: ", uses))
	if lost*20 >= randomSchemas {
		t.Errorf("%d of %d schemas were refused", lost, randomSchemas)
	}
	if made+lost != randomSchemas || texts != made*textsOfEach || instances < made*textsOfEach*9/10 {
		t.Errorf("made %d, refused %d, texts %d, instances %d", made, lost, texts, instances)
	}
}

// longest is the longest beginning of a text that a grammar knows.
func longest(g *grammartest.Grammar, text string) string {
	runes := []rune(text)
	for n := len(runes); n > 0; n-- {
		if ok, err := g.Prefix(string(runes[:n])); ok && err == nil {
			return string(runes[:n])
		}
	}
	return ""
}
