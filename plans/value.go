package plans

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// value evaluates expr and reports what is wrong with it. The value may be one that cannot be told.
func (l *loader) value(expr hcl.Expression, ctx *hcl.EvalContext, m *mistakes) (cty.Value, bool) {
	v, diags := expr.Value(ctx)
	v = explained(v, expr, ctx)
	if len(diags) == 0 {
		return v, true
	}
	for _, d := range diags {
		m.add(redact(suggest(d, expr, ctx), expr, ctx))
	}
	return v, !diags.HasErrors()
}

// redact keeps what a function says of its arguments out of a diagnostic where they may be secret.
func redact(d *hcl.Diagnostic, expr hcl.Expression, ctx *hcl.EvalContext) *hcl.Diagnostic {
	call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
	if !ok || call.CalledFunctionName() == "" || call.FunctionCallError() == nil {
		return d
	}
	for _, t := range expr.Variables() {
		v, diags := t.TraverseAbs(ctx)
		if !diags.HasErrors() && v.HasMarkDeep(sensitive) {
			d.Detail = fmt.Sprintf("The call of %s failed. Its arguments are sensitive, so what went wrong is not shown.", call.CalledFunctionName())
			d.Extra = nil
			break
		}
	}
	return d
}

// suggest adds the nearest name to a diagnostic about an attribute or a key that is not there.
func suggest(d *hcl.Diagnostic, expr hcl.Expression, ctx *hcl.EvalContext) *hcl.Diagnostic {
	if d.Summary != "Unsupported attribute" && d.Summary != "Invalid index" || d.Subject == nil || ctx == nil {
		return d
	}
	for _, t := range expr.Variables() {
		for i := 1; i < len(t); i++ {
			name, ok := stepName(t[i])
			if !ok || !t[i].SourceRange().Overlaps(*d.Subject) {
				continue
			}
			v, diags := t[:i].TraverseAbs(ctx)
			v, hidden := open(v, false)
			if !hidden && !diags.HasErrors() && v.IsKnown() && !v.IsNull() && (v.Type().IsObjectType() || v.Type().IsMapType()) {
				if values := v.AsValueMap(); !hasKey(values, name) {
					d.Detail += didYouMean(name, slices.Collect(maps.Keys(values)))
				}
			}
		}
	}
	return d
}

func hasKey(m map[string]cty.Value, key string) bool { _, ok := m[key]; return ok }

// stepName is the name or the key of one step.
func stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// told evaluates expr to a value that can be told, with no more marks than that it is sensitive.
func (l *loader) told(expr hcl.Expression, ctx *hcl.EvalContext, m *mistakes) (cty.Value, bool) {
	v, ok := l.value(expr, ctx, m)
	if !ok {
		return v, false
	}
	return v, isTold(v, expr, m)
}

// isTold reports a value that is not wholly known, or notes the facts that it needs.
func isTold(v cty.Value, expr hcl.Expression, m *mistakes) bool {
	if v.IsWhollyKnown() {
		return true
	}
	at := expr.Range()
	whys := reasons(v)
	for _, why := range whys {
		if why.fact != "" {
			m.need(why.fact)
		} else {
			m.errorf(at, nil, why.summary, "%s", why.detail)
		}
	}
	if len(whys) > 0 {
		return false
	}
	m.unknown = append(m.unknown, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Value cannot be told",
		Detail: "The value of this expression depends on something that has none.", Subject: &at,
	})
	return false
}

// plain evaluates expr to a value of type t that is neither null nor sensitive; what names it in
// messages.
func (l *loader) plain(a attr, t cty.Type, ctx *hcl.EvalContext, m *mistakes) (cty.Value, bool) {
	v, ok := l.told(a.expr, ctx, m)
	if !ok {
		return v, false
	}
	if v.HasMarkDeep(sensitive) {
		m.errorf(a.expr.Range(), nil, "Sensitive value", "%s decides what is done, which everybody can see, so it cannot be sensitive.", a.name)
		return v, false
	}
	v, _ = v.UnmarkDeep()
	if t != cty.DynamicPseudoType {
		if v, ok = converted(a, v, t, m); !ok {
			return v, false
		}
	}
	if v.IsNull() {
		m.errorf(a.expr.Range(), nil, "Invalid value", "%s is null, which is no value.", a.name)
		return v, false
	}
	return v, true
}

// converted is v as a t, or a report that points at the part that is none.
func converted(a attr, v cty.Value, t cty.Type, m *mistakes) (cty.Value, bool) {
	if v.Type().Equals(t) {
		return v, true
	}
	out, err := convertTo(v, t)
	if err == nil {
		return out, true
	}
	unfit(a, v, t, err, m)
	return v, false
}

// convertTo is convert.Convert, and quick with long lists.
func convertTo(v cty.Value, t cty.Type) (cty.Value, error) {
	if list, ok := listed(v, t); ok {
		return list, nil
	}
	return convert.Convert(v, t)
}

// listed makes a list of a tuple element by element. The library first compares the types of all elements with each other,
// which takes a second for ten thousand. What is not as simple as that is left to it, errors too.
func listed(v cty.Value, t cty.Type) (cty.Value, bool) {
	if !t.IsListType() || t.HasDynamicTypes() || !v.Type().IsTupleType() || v.IsMarked() || !v.IsKnown() || v.IsNull() || v.LengthInt() == 0 {
		return cty.NilVal, false
	}
	elements := make([]cty.Value, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out, err := convert.Convert(e, t.ElementType())
		if err != nil {
			return cty.NilVal, false
		}
		elements = append(elements, out)
	}
	return cty.ListVal(elements), true
}

// unfit reports a value that the attribute a does not take.
func unfit(a attr, v cty.Value, t cty.Type, err error, m *mistakes) {
	at, where := a.expr, a.name
	var pathErr cty.PathError
	if errors.As(err, &pathErr) {
		at, where = pinpoint(a.expr, pathErr.Path), a.name+pathString(pathErr.Path)
	}
	why := strings.TrimSuffix(err.Error(), ".")
	if t != cty.DynamicPseudoType && !strings.Contains(why, "but have") {
		if part, err := pathErr.Path.Apply(v); err == nil {
			why += ", but have " + part.Type().FriendlyName()
		}
	}
	full := a.expr.Range()
	m.errorf(at.Range(), &full, "Unsuitable value", "Unsuitable value for %s: %s.", where, why)
}

// pinpoint is the part of expr that path leads to, as far as it is written out.
func pinpoint(expr hcl.Expression, path cty.Path) hcl.Expression {
	for _, step := range path {
		next := child(expr, step)
		if next == nil {
			return expr
		}
		expr = next
	}
	return expr
}

func child(expr hcl.Expression, step cty.PathStep) hcl.Expression {
	var key cty.Value
	switch s := step.(type) {
	case cty.IndexStep:
		key = s.Key
	case cty.GetAttrStep:
		key = cty.StringVal(s.Name)
	}
	if key.IsMarked() || !key.IsKnown() || key.IsNull() {
		return nil
	}
	if key.Type() == cty.Number {
		exprs, diags := hcl.ExprList(expr)
		i, _ := key.AsBigFloat().Int64()
		if diags.HasErrors() || i < 0 || int(i) >= len(exprs) {
			return nil
		}
		return exprs[i]
	}
	pairs, diags := hcl.ExprMap(expr)
	if diags.HasErrors() || key.Type() != cty.String {
		return nil
	}
	for _, p := range pairs {
		if k, diags := p.Key.Value(nil); !diags.HasErrors() && k.RawEquals(key) {
			return p.Value
		}
	}
	return nil
}

func pathString(path cty.Path) string {
	var b strings.Builder
	for _, step := range path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			fmt.Fprintf(&b, ".%s", s.Name)
		case cty.IndexStep:
			switch key, _ := s.Key.Unmark(); {
			case key.Type() == cty.Number:
				fmt.Fprintf(&b, "[%s]", key.AsBigFloat().Text('f', -1))
			case key.Type() == cty.String && key.IsKnown() && !key.IsNull():
				fmt.Fprintf(&b, "[%q]", key.AsString())
			default:
				b.WriteString("[…]")
			}
		}
	}
	return b.String()
}
