package plans

import (
	"errors"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// decoder fills a kind's struct from the laid-out body of a block.
type decoder struct {
	*loader
	ctx  *hcl.EvalContext
	m    *mistakes
	kind string // for messages
	// texts are the attributes of the kind that may be secret.
	texts *schema
	// instead says where a secret goes if the kind has no place for any.
	instead string
	// named is what the lists of references name.
	named named
}

// decode fills in what p says; v is a struct of p's schema.
func (d *decoder) decode(p *part, v reflect.Value) {
	for _, a := range p.attrs {
		switch {
		case a.refs:
			v.Field(a.index).Set(reflect.ValueOf(d.named.of(a)))
		case a.index >= 0:
			d.attribute(a, v.Field(a.index))
		}
	}
	for _, b := range p.blocks {
		if b.index >= 0 && b.forEach == nil {
			d.nested(b, v.Field(b.index))
		}
	}
}

func (d *decoder) attribute(a attr, dst reflect.Value) {
	v, ok := d.value(a.expr, d.ctx, d.m)
	if !ok {
		return
	}
	if v.IsNull() {
		if a.required {
			d.m.errorf(a.expr.Range(), nil, "Missing required argument", "The argument %q is required, and this is null.", a.name)
		}
		return
	}
	whole := v
	if v, ok = converted(a, v, a.typ, d.m); !ok || !isTold(v, a.expr, d.m) {
		return
	}
	if v.ContainsMarked() && (!a.text || d.instead != "") {
		if v.HasMarkDeep(sensitive) {
			d.exposed(a)
			return
		}
		v, _ = v.UnmarkDeep()
	}
	v, secret := open(v, a.secret)
	if err := a.set(dst, v, secret); err != nil {
		unfit(a, whole, cty.DynamicPseudoType, err, d.m)
	}
}

// exposed reports a secret where everybody would see it.
func (d *decoder) exposed(a attr) {
	hint := "No attribute of this kind holds a secret."
	if d.instead != "" {
		hint = d.instead
	} else if names := d.texts.textNames(""); len(names) > 0 {
		hint = "Of a " + d.kind + ", these may hold secrets: " + list(names) + "."
	}
	d.m.errorf(a.expr.Range(), nil, "Secret in a public attribute",
		"%s is shown in plans and kept in the journal, and this value is sensitive. %s", a.name, hint)
}

func (d *decoder) nested(b sub, dst reflect.Value) {
	t := dst.Type()
	if b.repeated {
		t = t.Elem()
	}
	target := reflect.New(t).Elem()
	inner := target
	if b.pointer {
		target.Set(reflect.New(t.Elem()))
		inner = target.Elem()
	}
	for i, f := range b.block.labels {
		inner.Field(f.index).SetString(b.labels[i])
	}
	d.decode(b.part, inner)
	if b.repeated {
		target = reflect.Append(dst, target)
	}
	dst.Set(target)
}

// attributeOf is the name of the attribute that err is about, or "".
func attributeOf(err error) string {
	var named interface{ Attribute() string }
	if errors.As(err, &named) {
		return named.Attribute()
	}
	return ""
}

// apart takes joined errors apart. An error that says more than its parts stays whole.
func apart(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, apart(e)...)
	}
	return out
}
