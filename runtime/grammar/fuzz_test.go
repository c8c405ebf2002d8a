package grammar_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest/schemas"
)

// noLoader finds no schema that lies elsewhere.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) { return nil, errors.New("not here: " + url) }

// judge is what another implementation says of a text, nil where it does not take the schema, or reads it otherwise on
// purpose: nullable is OpenAPI's.
func judge(schema, text string) error {
	if strings.Contains(schema, "nullable") || strings.Contains(schema, `\u`) {
		return nil
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if c.AddResource("schema.json", doc) != nil {
		return nil
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

func FuzzSchema(f *testing.F) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		f.Add(schemas.Random(r, seed%3 == 0, map[string]int{}).Text)
	}
	for _, c := range hostile() {
		if len(c.schema) < 3000 {
			f.Add(c.schema)
		}
	}
	f.Fuzz(func(t *testing.T, schema string) {
		o := grammar.Limits{Nesting: 3, Bytes: 8 << 10, Work: 1 << 18, Output: 64 << 10, Elements: 1 << 15}
		text, err := grammar.Schema([]byte(schema), o)
		if err != nil {
			var e *grammar.Error
			if !errors.As(err, &e) || text != "" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if err := grammar.Check(text, grammar.Limits{Bytes: 128 << 10}); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		g, err := grammartest.Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		r := rand.New(rand.NewPCG(uint64(len(schema)), 1))
		for _, length := range []int{0, 20, 100} {
			out, err := g.Generate(r, length)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !json.Valid([]byte(out)) {
				t.Fatalf("%s\n%s", out, text)
			}
			if ok, err := g.Match(out); err != nil || !ok {
				t.Fatalf("%s is not in its own grammar: %v\n%s", out, err, text)
			}
			if err := judge(schema, out); err != nil {
				t.Fatalf("%s is not valid: %v\n%s", out, err, text)
			}
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("root ::= (\"a\" | [^b-d\\n]{2,5}) x? # c\nx ::= root* | \"\\u00e9\"\n")
	f.Add("root ::= a b{0,3} | .+\na ::= \"x\" (a | )\nb ::=\n  [\\]] |\n\"\"")
	f.Add("root ::= \"(\" root \"a\" | \"(\" root \"b\" | \"x\"")
	f.Add(grammar.JSON(grammar.Limits{Nesting: 2}))
	f.Fuzz(func(t *testing.T, text string) {
		o := grammar.Limits{Bytes: 8 << 10, Elements: 1 << 15, Work: 1 << 17}
		if err := grammar.Check(text, o); err != nil {
			var e *grammar.SyntaxError
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Line > 1+strings.Count(text, "\n") {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		g, err := grammartest.Parse(text)
		if err != nil {
			t.Fatalf("it passed, and cannot be read: %v", err)
		}
		out, err := g.Generate(rand.New(rand.NewPCG(1, 1)), 30)
		if errors.Is(err, grammartest.ErrEndless) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := g.Match(out); err == nil && !ok {
			t.Fatalf("%q is not in its own grammar", out)
		}
	})
}
