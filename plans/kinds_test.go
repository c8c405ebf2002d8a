package plans_test

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

// leaflet is a kind that everybody can read.
type leaflet struct {
	Text  *engine.Text `hcl:"text,optional"`
	Pages []page       `hcl:"page,block"`
}

type page struct {
	Text *engine.Text `hcl:"text,optional"`
}

func (*leaflet) Secrets() string { return "Put it into a toy." }

// TestPublicKind holds that a kind with no place for secrets takes none, also not as a text, and says
// where to put them.
func TestPublicKind(t *testing.T) {
	with := func(in *plans.Input) { in.Kinds = append(in.Kinds, engine.NewKind("leaflet", inert[leaflet]{})) }
	good(t, "leaflet \"a\" {\n  text = \"x\"\n  page {\n    text = \"x\"\n  }\n}\n", with)
	for _, block := range []string{"text = sensitive(\"x\")", "page {\n    text = sensitive(\"x\")\n  }"} {
		plan, diags := load(t, "leaflet \"a\" {\n  "+block+"\n}\n", with)
		if got := shown(t, plan, diags); !strings.Contains(got, "this value is sensitive. Put it into a toy.") {
			t.Errorf("of a secret it says:\n%s", got)
		}
	}
}

// TestKindsThatCannotBeDeclared holds that a struct that plans do not understand is reported, and
// harms only plans that use it.
func TestKindsThatCannotBeDeclared(t *testing.T) {
	type channel struct {
		C chan int `hcl:"c"`
	}
	type numbers struct {
		M map[int]string `hcl:"m"`
	}
	type tag struct {
		A string `hcl:"a,sometimes"`
	}
	type label struct {
		A int `hcl:"a,label"`
	}
	type block struct {
		A string `hcl:"a,block"`
	}
	type twice struct {
		A string `hcl:"a"`
		B string `hcl:"a"`
	}
	type meta struct {
		A string `hcl:"timeout"`
	}
	type secret struct {
		A string `hcl:"a" plan:"secret"`
	}
	for _, c := range []struct {
		kind *engine.Kind
		want string
	}{
		{engine.NewKind("x", inert[channel]{}), "plans have no type for chan int"},
		{engine.NewKind("x", inert[numbers]{}), "plans have no type for map[int]string"},
		{engine.NewKind("x", inert[tag]{}), "neither optional, label nor block"},
		{engine.NewKind("x", inert[label]{}), "a label is a string"},
		{engine.NewKind("x", inert[block]{}), "a block needs a struct"},
		{engine.NewKind("x", inert[twice]{}), `two fields for "a"`},
		{engine.NewKind("x", inert[meta]{}), `two fields for "timeout"`},
		{engine.NewKind("x", inert[secret]{}), "only an engine.Text can be a secret"},
	} {
		with := func(in *plans.Input) { in.Kinds = append(in.Kinds, c.kind) }
		good(t, "toy \"a\" {\n  path = \"/a\"\n}\n", with)
		plan, diags := load(t, "x \"a\" {\n}\ntoy \"b\" {\n  path = x.a.b\n}\n", with)
		if got := shown(t, plan, diags); !strings.Contains(got, c.want) {
			t.Errorf("%q is not in:\n%s", c.want, got)
		}
	}
}

func TestMistakesOfTheEngine(t *testing.T) {
	plan := good(t, "toy \"a\" {\n  path = \"/a\"\n}\ntoy \"b\" {\n  path = \"/a\"\n}\n", func(in *plans.Input) { in.Path = relative(t, in.Path) })
	diags := plans.Diagnostics(engine.Mistakes{
		{Place: plan.Resources[1].Place, Summary: "Two resources manage the same thing", Detail: "Remove one."},
		{Place: plan.Resources[0].Place, Summary: "First", Detail: "It comes first."},
		{Summary: "Nowhere", Detail: "It has no place."},
	})
	same(t, `Error: Nowhere

It has no place.

Error: First

  on plan.hcl line 1, in toy "a":
   1: toy "a" {

It comes first.

Error: Two resources manage the same thing

  on plan.hcl line 4, in toy "b":
   4: toy "b" {

Remove one.

`, shown(t, plan, diags))
}

// TestValuesReadBack holds that what a kind reports can be seen by expressions, whatever it left out.
func TestValuesReadBack(t *testing.T) {
	plan := good(t, `
toy "a" {
  path = "/a"
  lifecycle {
    postcondition {
      condition     = jsonencode(nonsensitive(self)) == ""
      error_message = nonsensitive(jsonencode(nonsensitive(self)))
    }
  }
}
`)
	ask := declared(t, plan, "toy.a").Post[0]
	for _, have := range []*toy{
		{},
		{Off: p(true), Number: p(1), Maybe: p("m"), Ratio: 0.5, Ports: []int{1}, Free: map[string]any{"a": []string{"x"}, "b": uint(1), "c": p(2), "d": nil, "e": [2]float32{1, 2}}},
		{Limits: &limits{Memory: "1", Secret: engine.NewSecret("s")}, Rules: []rule{{Port: 1, Nested: []limits{{}}}}, Values: map[string]engine.Text{"k": *engine.NewSecret("v")}},
	} {
		if err := ask(have); err == nil || !strings.Contains(err.Error(), "postcondition at") {
			t.Errorf("got %v", err)
		}
	}
}
