package plans

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// plainTexts are read whole; of the others nothing is.
var plainTexts = []string{
	"file \"a\" {\n  path = \"/a\"\n  mode=\"0644\" # as always\n\n  // nothing\n  on = true\n\tsize = 007\n}\n",
	"a \"b\" \"c\" { # x\n}\n\n# é\na {\n}",
	"a \"b\" {\n c {\n  d \"e\" {\n   f = false\n  }\n }\n c {\n }\n}\n",
	"a {\n b = \"\\\"\\\\\\n\\t\\r é \t $ % $x %% $$ 50% $\"\n c = \"$\"\n d = \"%\\\\\"\n e = \"\"\n}\n",
	"a {\n b = [1, \"x\",true,]\n c = []\n d = [\n  \"x\"\n  ,\n  [ ]\n ]\n e = 1\n}\n",
	"a {\n b = { c = 1, \"d e\" = [\"x\"]\n\n  f = {}\n  g = true, }\n h = {\n }\n}\n",
	"a {\n b = <<EOT\n\n  x $ %\tx\n EOTS\n $EOT\nEOT\n c = <<-E-1\n    x\n\n  \n      x é %\n    E-1\n d = <<E\nE\n e = <<-E\n \t$\n\tx\n E\n}\n",
}

var notPlainTexts = []string{
	"a {\n b = c\n}\n", "a {\n b = \"${c}\"\n}\n", "a {\n b = \"$${c}\"\n}\n", "a {\n b = 1 + 1\n}\n", "a {\n b = \"x\"[0]\n}\n",
	"a { b = 1 }\n", "a b {\n}\n", "a {\n}", "a = 1\n", "a {\n b = 1\n b = 2\n}\n", "a {\n b = 1.5\n}\n", "a {\n b = \"\\u0041\"\n}\n",
	"a {\n b = <<E\n${c}\nE\n}\n", "a {\n b = <<-E\n \u00a0x\n E\n}\n", "a {\n b = <<E\r\nx\r\nE\r\n}\n", "a {\n b = \"\xff\"\n}\n", "a {\n b = <<E\n}\n",
	"a {\n b = [for c in d : c]\n}\n", "a {\n b = {for c in d : c => c}\n}\n", "a {\n b = {c = 1 d = 2}\n}\n", "a {\n b = {c = 1\n, d = 2}\n}\n",
	"a {\n b = {true = 1}\n}\n", "a {\n b = true ? 1 : 2\n}\n", "a {\n b = true.c\n}\n", "a {\n b = 1e3\n}\n", "a {\n b = \"x\n\"\n}\n",
	"a {\n b = 1} \n", "a {\n b = <<E \nE\n}\n", "a {\n b = 9999999999999999\n}\n", "a \"x\n\" {\n}\n", "/* a {\n} */\n", "a {\n b = null\n}\n",
}

func TestPlain(t *testing.T) {
	for _, src := range plainTexts {
		if rest := comparePlain(t, src+"\n"); rest > 0 {
			t.Errorf("%d blocks were not read of:\n%s", rest, src)
		}
	}
	for _, src := range notPlainTexts {
		p := newPlain([]byte(src), "x.hcl", hcl.InitialPos)
		if b := p.block(); b != nil || p.at != 0 || p.line != 1 {
			t.Errorf("this was read:\n%s", src)
		}
	}
}

// FuzzPlain holds that what is read as plain says what the HCL library says that it does.
func FuzzPlain(f *testing.F) {
	for _, src := range slices.Concat(plainTexts, notPlainTexts) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) { comparePlain(t, src) })
}

// comparePlain returns how many pieces of src were left to the library.
func comparePlain(t *testing.T, src string) int {
	t.Helper()
	left := 0
	at := hcl.Pos{Line: 7, Column: 1, Byte: 100}
	for p, from := newPlain([]byte(src), "x.hcl", at), 0; ; from = p.at {
		before := p.pos(p.at)
		more := p.next()
		sameSyntax(t, src[from:p.at], before, nil)
		if !more {
			return left
		}
		from, before = p.at, p.pos(p.at)
		if b := p.block(); b != nil {
			sameSyntax(t, src[from:p.at], before, b)
			continue
		}
		left++
		if text, start := p.leave(); string(text) != src[from:p.at] || start != before {
			t.Fatalf("left %q at %v, not %q at %v", text, start, src[from:p.at], before)
		}
	}
}

// sameSyntax holds that text, which starts at a place, is nothing but the block want.
func sameSyntax(t *testing.T, text string, at hcl.Pos, want *hclsyntax.Block) {
	t.Helper()
	f, diags := parseText([]byte(text), "x.hcl", at)
	if diags.HasErrors() {
		t.Fatalf("%q is not right: %v", text, diags)
	}
	body := f.Body.(*hclsyntax.Body)
	if want == nil && len(body.Blocks)+len(body.Attributes) == 0 {
		return
	}
	if want == nil || len(body.Blocks) != 1 || len(body.Attributes) != 0 {
		t.Fatalf("%q has %d blocks", text, len(body.Blocks))
	}
	sameBlock(t, body.Blocks[0], want)
}

func sameBlock(t *testing.T, want, have *hclsyntax.Block) {
	t.Helper()
	if want.Type != have.Type || !reflect.DeepEqual(want.Labels, have.Labels) || want.DefRange() != have.DefRange() {
		t.Fatalf("%s %q at %v, not %s %q at %v", have.Type, have.Labels, have.DefRange(), want.Type, want.Labels, want.DefRange())
	}
	names := slices.Sorted(maps.Keys(want.Body.Attributes))
	if got := slices.Sorted(maps.Keys(have.Body.Attributes)); !slices.Equal(got, names) || len(want.Body.Blocks) != len(have.Body.Blocks) {
		t.Fatalf("attributes %q, not %q, and %d blocks", got, names, len(have.Body.Blocks))
	}
	for _, name := range names {
		w, h := want.Body.Attributes[name], have.Body.Attributes[name]
		wv, diags := w.Expr.Value(nil)
		hv, more := h.Expr.Value(nil)
		if len(diags)+len(more) > 0 || !wv.RawEquals(hv) || !literal(w.Expr) || w.NameRange != h.NameRange {
			t.Fatalf("%s = %#v at %v, not %#v at %v (%v %v)", name, hv, h.NameRange, wv, w.NameRange, diags, more)
		}
	}
	for i := range want.Body.Blocks {
		sameBlock(t, want.Body.Blocks[i], have.Body.Blocks[i])
	}
}
