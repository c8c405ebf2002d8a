package plans

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// verdict is the answer to a condition.
type verdict struct {
	holds   bool
	message string // why not
}

// ask evaluates a condition, and its message where it does not hold.
func (l *loader) ask(p *part, ctx *hcl.EvalContext, m *mistakes) (verdict, bool) {
	condition, ok := p.get("condition")
	message, has := p.get("error_message")
	if !ok || !has {
		return verdict{}, false // reported when the block was laid out
	}
	v, ok := l.told(condition.expr, ctx, m)
	if !ok {
		return verdict{}, false
	}
	v, _ = v.UnmarkDeep()
	if v, ok = converted(condition, v, cty.Bool, m); !ok {
		return verdict{}, false
	}
	if v.IsNull() {
		m.errorf(condition.expr.Range(), nil, "Invalid condition", "The condition is null, which is neither true nor false.")
		return verdict{}, false
	}
	if v.True() {
		return verdict{holds: true}, true
	}
	var untold mistakes
	text, ok := l.told(message.expr, ctx, &untold)
	if needs := untold.deferred(); needs != "" {
		return verdict{message: "The condition does not hold. What its error_message says " + needs + "."}, true
	}
	if m.merge(untold); !ok {
		return verdict{}, false
	}
	if text.HasMarkDeep(sensitive) {
		m.errorf(message.expr.Range(), nil, "Sensitive message", "The condition does not hold, and its error_message refers to sensitive values, so it is not shown.")
		return verdict{}, false
	}
	text, _ = text.UnmarkDeep()
	if text, ok = converted(message, text, cty.String, m); !ok {
		return verdict{}, false
	}
	if text.IsNull() {
		return verdict{message: "The condition does not hold."}, true
	}
	return verdict{message: text.AsString()}, true
}

// assert reports a condition that does not hold. One that needs a fact that is not known here is
// not asked.
func (l *loader) assert(p *part, severity hcl.DiagnosticSeverity, summary string, ctx *hcl.EvalContext, m *mistakes) (verdict, bool) {
	var asked mistakes
	v, ok := l.ask(p, ctx, &asked)
	m.report(asked)
	if ok && !v.holds {
		a, _ := p.get("condition")
		at := a.expr.Range()
		m.add(&hcl.Diagnostic{
			Severity: severity, Summary: summary, Detail: v.message, Subject: &at, Expression: a.expr, EvalContext: ctx,
		})
	}
	return v, ok
}

// postcondition is asked once the change was made, with what was read back as self. It is not
// asked of what is absent.
func (l *loader) postcondition(k *kind, p *part, ctx *hcl.EvalContext, m *mistakes) func(any) error {
	if a, ok := p.get("condition"); ok {
		// With a self that nothing is known of yet, only what is wrong in any case comes out.
		l.value(a.expr, within(ctx, map[string]cty.Value{"self": cty.DynamicVal}), m)
	}
	return func(have any) error {
		if have == nil {
			return nil
		}
		var m mistakes
		v, ok := l.ask(p, within(ctx, map[string]cty.Value{"self": k.value(have)}), &m)
		a, _ := p.get("condition")
		at := PlaceOf(a.expr.Range())
		switch {
		case m.deferred() != "":
			return nil
		case !ok && len(m.all()) > 0:
			return fmt.Errorf("cannot evaluate the postcondition at %s: %s", at, m.all()[0].Detail)
		case !ok:
			return fmt.Errorf("cannot evaluate the postcondition at %s", at)
		case !v.holds:
			return errors.New(v.message + " (postcondition at " + at.String() + ")")
		}
		return nil
	}
}
