package plans

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Literals reads HCL that is nothing but attributes with literals: strings, numbers, true, false and null, and lists
// and objects of these. The attributes are in the order of the text, and their expressions have values without any
// context. Blocks, references, calls, templates and operators are mistakes, and so is a name that is given twice.
func Literals(src []byte, filename string) ([]*hcl.Attribute, hcl.Diagnostics) {
	f, diags := parseText(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil, nil // the body of a text that was refused
	}
	var m mistakes
	for _, b := range body.Blocks {
		m.errorf(b.DefRange(), nil, "Block among values", "Only attributes stand here: write %s = { … }.", b.Type)
	}
	out := make([]*hcl.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		m.literal(a.Expr)
		out = append(out, a.AsHCLAttribute())
	}
	slices.SortFunc(out, func(a, b *hcl.Attribute) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	return out, m.all()
}

// literal reports what of an expression is no literal.
func (m *mistakes) literal(expr hclsyntax.Expression) {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			if part, ok := p.(*hclsyntax.LiteralValueExpr); !ok || part.Val.Type() != cty.String {
				m.noLiteral(p.Range(), "a template")
			}
		}
	case *hclsyntax.UnaryOpExpr:
		if of, ok := e.Val.(*hclsyntax.LiteralValueExpr); !ok || e.Op != hclsyntax.OpNegate || of.Val.Type() != cty.Number {
			m.noLiteral(e.Range(), "a calculation")
		}
	case *hclsyntax.TupleConsExpr:
		for _, x := range e.Exprs {
			m.literal(x)
		}
	case *hclsyntax.ObjectConsExpr:
		m.literalObject(e)
	default:
		m.noLiteral(expr.Range(), sortOf(expr))
	}
}

func (m *mistakes) literalObject(e *hclsyntax.ObjectConsExpr) {
	seen := map[string]hcl.Range{}
	for _, item := range e.Items {
		m.literal(item.ValueExpr)
		name, ok := literalKey(item.KeyExpr)
		if !ok {
			m.noLiteral(item.KeyExpr.Range(), "a name that is worked out")
			continue
		}
		if at, twice := seen[name]; twice {
			m.errorf(item.KeyExpr.Range(), nil, "Name given twice", "The object has %q already, in line %d.", name, at.Start.Line)
		}
		seen[name] = item.KeyExpr.Range()
	}
}

// literalKey is the name that a literal stands for before "=" in an object.
func literalKey(expr hclsyntax.Expression) (string, bool) {
	key, ok := expr.(*hclsyntax.ObjectConsKeyExpr)
	if !ok || key.ForceNonLiteral {
		return "", false
	}
	if word := hcl.ExprAsKeyword(key.Wrapped); word != "" {
		return word, true
	}
	var m mistakes
	if m.literal(key.Wrapped); m.failed() {
		return "", false
	}
	v, diags := key.Wrapped.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

func (m *mistakes) noLiteral(at hcl.Range, what string) {
	m.errorf(at, nil, "Not a literal", "This is %s. Only strings, numbers, true, false, null, and lists and objects of these stand here.", what)
}

// sortOf says what an expression is that is no literal.
func sortOf(expr hclsyntax.Expression) string {
	switch expr.(type) {
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr, *hclsyntax.SplatExpr:
		return "a reference"
	case *hclsyntax.FunctionCallExpr:
		return "a call of a function"
	case *hclsyntax.TemplateWrapExpr:
		return "a template"
	case *hclsyntax.BinaryOpExpr, *hclsyntax.ConditionalExpr:
		return "a calculation"
	}
	return "an expression"
}

// decodeHCL makes an object of a text that Literals can read.
func decodeHCL(src string) (cty.Value, error) {
	attrs, diags := Literals([]byte(src), "text")
	values := make(map[string]cty.Value, len(attrs))
	for _, a := range attrs {
		if diags.HasErrors() {
			break
		}
		v, more := a.Expr.Value(nil)
		diags, values[a.Name] = append(diags, more...), v
	}
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			return cty.DynamicVal, fmt.Errorf("line %d: %s", d.Subject.Start.Line, cmp.Or(d.Detail, d.Summary))
		}
	}
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return cty.ObjectVal(values), nil
}
