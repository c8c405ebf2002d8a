package plans_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

// words has lists that may be written as one scalar.
type words struct {
	One  engine.List            `hcl:"one,optional"`
	Many map[string]engine.List `hcl:"many,optional"`
}

func withWords(in *plans.Input) {
	in.Kinds = append(in.Kinds, engine.NewKind("words", inert[words]{}))
}

func TestLists(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want words
	}{
		"a string":      {`one = "a"`, words{One: engine.List{"a"}}},
		"a number":      {`one = 5`, words{One: engine.List{"5"}}},
		"a fraction":    {`one = 0.5`, words{One: engine.List{"0.5"}}},
		"a large one":   {`one = 17179869184`, words{One: engine.List{"17179869184"}}},
		"a bool":        {`one = true`, words{One: engine.List{"true"}}},
		"a list":        {`one = ["b", 1, false]`, words{One: engine.List{"b", "1", "false"}}},
		"a set":         {`one = toset(["b", "a"])`, words{One: engine.List{"a", "b"}}},
		"no element":    {`one = []`, words{One: engine.List{}}},
		"null":          {`one = null`, words{}},
		"an object":     {`many = { A = "x", B = ["y", 2], C = true, D = null, E = [] }`, words{Many: map[string]engine.List{"A": {"x"}, "B": {"y", "2"}, "C": {"true"}, "E": {}}}},
		"merged":        {`many = merge({ A = 1 }, { B = ["x"] })`, words{Many: map[string]engine.List{"A": {"1"}, "B": {"x"}}}},
		"of one type":   {`many = { for k in ["A", "B"] : k => k }`, words{Many: map[string]engine.List{"A": {"A"}, "B": {"B"}}}},
		"referred to":   {`one = words.other.one`, words{One: engine.List{"o"}}},
		"an entry":      {`one = words.other.many.K`, words{One: engine.List{"k", "l"}}},
		"a whole map":   {`many = words.other.many`, words{Many: map[string]engine.List{"J": {"j"}, "K": {"k", "l"}}}},
		"an element":    {`one = "${words.other.many.K[1]}!"`, words{One: engine.List{"l!"}}},
		"a conditional": {`one = true ? "a" : "b"`, words{One: engine.List{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := good(t, "words \"x\" {\n  "+c.said+"\n}\nwords \"other\" {\n  one  = \"o\"\n  many = { J = \"j\", K = [\"k\", \"l\"] }\n}\n", withWords)
			same(t, &c.want, spec[words](t, plan, "words.x"))
		})
	}
}

func TestListMistakes(t *testing.T) {
	for said, want := range map[string]string{
		`one = {}`:                                 "a string, a number, a bool, or a list of these is required, not object",
		`one = [["a"]]`:                            "for one[0]: a string, a number, a bool, or a list of these is required, not tuple",
		`one = [null]`:                             "for one[0]: null cannot be an element",
		`many = "x"`:                               "an object is required",
		`many = ["x"]`:                             "an object is required",
		`many = { A = { B = 1 } }`:                 `for many["A"]: a string`,
		`many = { A = ["a", ["b"]] }`:              `for many["A"][1]: a string`,
		`many = { A = sensitive("secret") }`:       "Secret in a public attribute",
		`one = ["a", sensitive("secret")]`:         "Secret in a public attribute",
		`many = { A = words.y.one, B = host.foo }`: "Reference to unknown fact",
	} {
		var got string
		plan, diags := load(t, "words \"x\" {\n  "+said+"\n}\nwords \"y\" {\n}\n", withWords)
		got = shown(t, plan, diags)
		if !diags.HasErrors() || !strings.Contains(strings.ReplaceAll(got, "\n", " "), want) || strings.Contains(got, "panic") {
			t.Errorf("%s: %q is not in:\n%s", said, want, got)
		}
		if d := diags[0]; d.Subject == nil || d.Subject.Start.Line != 2 || d.Severity != hcl.DiagError {
			t.Errorf("%s: it is said at %v", said, d.Subject)
		}
	}
}

func TestListsThatWait(t *testing.T) {
	plan := good(t, "words \"x\" {\n  many = { A = [\"a\", host.memory] }\n}\n", withWords, offline)
	if d := declared(t, plan, "words.x"); d.Deferred != "needs host.memory" {
		t.Errorf("got %+v", d)
	}
}
