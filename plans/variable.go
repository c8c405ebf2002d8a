package plans

import (
	"errors"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Variable is one variable of a plan.
type Variable struct {
	Description string
	// Type as a plan writes it; "any" where it does not.
	Type      string
	Sensitive bool
	// Required says that there is no default.
	Required bool
	// From is where its value came from: "default", "--var", "AGENT0_VAR_x" or a file.
	From  string
	Place engine.Place
}

// variable is a variable while a plan is read.
type variable struct {
	name        string
	at          hcl.Range
	description string
	typ         cty.Type
	defaults    *typeexpr.Defaults
	initial     cty.Value // cty.NilVal for none
	sensitive   bool
	nullable    bool
	validations []*part

	value cty.Value
	// reaches are the resources that the value was worked out from, where a module's caller gave it.
	reaches     []engine.Addr
	from        string
	file        string // that from names
	gone        bool   // what it was is not at hand
	placeholder bool
	spoiled     bool // its block has mistakes
}

func (v *variable) public() Variable {
	t := "any"
	if v.typ != cty.DynamicPseudoType {
		t = typeexpr.TypeString(v.typ)
	}
	return Variable{
		Description: v.description, Type: t, Sensitive: v.sensitive, Required: v.initial == cty.NilVal,
		From: v.from, Place: PlaceOf(v.at),
	}
}

func (l *loader) registerVariable(b *hcl.Block) {
	v := &variable{name: b.Labels[0], at: b.DefRange, typ: cty.DynamicPseudoType, nullable: true, value: cty.DynamicVal}
	if first := l.variableByName[v.name]; first != nil {
		l.duplicate("variable "+v.name, b.DefRange, first.at)
		return
	}
	if l.call != nil && slices.ContainsFunc(callFields(), func(f *field) bool { return f.name == v.name }) {
		l.errorf(b.DefRange, nil, "Reserved name", "A module cannot have a variable %q: in a module block it means something else. Rename it.", v.name)
	}
	l.variables = append(l.variables, v)
	l.variableByName[v.name] = v
	before := len(l.diags)
	defer func() { v.spoiled = len(l.diags) > before }()
	p := l.layOut(b, variableFields()...)
	v.sensitive = l.flag(p, "sensitive", false, nil, &l.mistakes)
	v.nullable = l.flag(p, "nullable", true, nil, &l.mistakes)
	v.description = l.words(p, "description", nil, &l.mistakes)
	for _, s := range p.blocks {
		v.validations = append(v.validations, s.part)
	}
	if a, ok := p.get("type"); ok {
		t, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.expr)
		if l.add(diags...); !diags.HasErrors() {
			v.typ, v.defaults = t, defaults
		}
	}
	if a, ok := p.get("default"); ok {
		v.initial = cty.DynamicVal
		if value, ok := l.told(a.expr, nil, &l.mistakes); ok {
			if value, ok = l.fit(v, value, a); ok {
				v.initial = value
			}
		}
	}
}

// words is an attribute that is a text for people.
func (l *loader) words(p *part, name string, ctx *hcl.EvalContext, m *mistakes) string {
	a, ok := p.get(name)
	if !ok {
		return ""
	}
	v, ok := l.plain(a, cty.String, ctx, m)
	if !ok {
		return ""
	}
	return v.AsString()
}

// fit brings value to the variable's type. a is where the value is said.
func (l *loader) fit(v *variable, value cty.Value, a attr) (cty.Value, bool) {
	name := "var." + v.name
	if l.call != nil {
		name = v.name // to the caller, who says it
	}
	a.field = &field{name: name}
	if value.IsNull() {
		if !v.nullable {
			l.errorf(a.expr.Range(), nil, "Invalid value", "%s is not nullable, and this is null.", name)
			return value, false
		}
		return cty.NullVal(v.typ.WithoutOptionalAttributesDeep()), true
	}
	if v.defaults != nil {
		value = v.defaults.Apply(value)
	}
	out, err := convertTo(value, v.typ)
	if err == nil && v.typ == cty.Number && value.Type() == cty.String {
		if bare, _ := value.Unmark(); bare.IsKnown() && isHuge([]byte(bare.AsString())) {
			err = errors.New(hugeNumber())
		}
	}
	if err == nil {
		return out, true
	}
	if v.sensitive {
		// A snippet of the value's line would show it.
		l.errorf(v.at, nil, "Unsuitable value", "Unsuitable value for var.%s: %s. The value is sensitive, so its place is not shown.", v.name, err)
		return value, false
	}
	unfit(a, value, v.typ, err, &l.mistakes)
	return value, false
}

// setVariables gives every variable of the plan its value.
func (l *loader) setVariables() {
	given := l.givenValues()
	for _, v := range l.variables {
		l.set(v, given[v.name])
	}
	l.see()
}

// see makes the context that all expressions see, and asks what the variables may be.
func (l *loader) see() {
	values := make(map[string]cty.Value, len(l.variables))
	for _, v := range l.variables {
		values[v.name] = v.value
	}
	l.base = &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(values), "host": hostValue(l.in.Facts),
			// What names of files are relative to is the module's folder anyway.
			"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(".")}),
		},
		Functions: l.functions(),
	}
	for _, v := range l.variables {
		l.validate(v)
	}
}

// set gives v the value from g, or else its default.
func (l *loader) set(v *variable, g given) {
	value, ok := v.initial, v.initial != cty.NilVal
	v.from = "default"
	if g.gone != "" {
		l.lost(v, g.gone)
		return
	}
	if g.from != "" {
		v.from, v.file = g.from, g.file
		before := len(l.diags)
		if value, ok = l.say(v, g); !ok && v.sensitive && l.in.Known != nil {
			l.diags = l.diags[:before]
			l.lost(v, "its value changed since it was applied")
			return
		}
	}
	switch {
	case ok:
		v.value = value
	case g.from != "":
		return // its mistake was reported
	case v.spoiled:
		return // and nobody knows what values it takes
	case v.sensitive && l.in.AllowMissingSecrets:
		v.value, v.placeholder, v.from = placeholder(v.typ.WithoutOptionalAttributesDeep(), v.name), true, "placeholder"
	default:
		v.from = ""
		l.unset(v)
		return
	}
	if v.sensitive {
		v.value = v.value.Mark(sensitive)
	}
	if why := l.changed(v); why != "" {
		l.lost(v, why)
	}
}

func (l *loader) unset(v *variable) {
	ways := "--var " + v.name + "=VALUE, "
	if v.sensitive {
		ways = ""
	}
	l.errorf(v.at, nil, "No value for a required variable",
		"var.%s has no default. Set it with %sa file of values (--var-file FILE, or *.auto.vars.hcl beside the plan) or the environment variable AGENT0_VAR_%s.",
		v.name, ways, v.name)
}

// placeholder stands for a secret that is not at hand.
func placeholder(t cty.Type, name string) cty.Value {
	switch {
	case t == cty.String, t == cty.DynamicPseudoType:
		return cty.StringVal("missing secret " + name)
	case t == cty.Number:
		return cty.Zero
	case t == cty.Bool:
		return cty.False
	case t.IsListType():
		return cty.ListValEmpty(t.ElementType())
	case t.IsSetType():
		return cty.SetValEmpty(t.ElementType())
	case t.IsMapType():
		return cty.MapValEmpty(t.ElementType())
	case t.IsTupleType():
		var vs []cty.Value
		for _, e := range t.TupleElementTypes() {
			vs = append(vs, placeholder(e, name))
		}
		return cty.TupleVal(vs)
	case t.IsObjectType():
		vs := map[string]cty.Value{}
		for attr, e := range t.AttributeTypes() {
			vs[attr] = placeholder(e, name)
		}
		return cty.ObjectVal(vs)
	}
	return cty.NullVal(t)
}

// validate asks the variable's own conditions.
func (l *loader) validate(v *variable) {
	for _, p := range v.validations {
		us := p.uses(nil, nil, place{})
		refs := l.resolve(nil, allowed{}, us)
		ofHost := slices.ContainsFunc(us, func(u use) bool { return u.RootName() == "host" })
		if ofHost || len(refs.good) > 0 {
			a, _ := p.get("condition")
			l.errorf(a.expr.Range(), nil, "Invalid condition", "A validation may refer to variables only.")
			continue
		}
		if v.placeholder || v.gone {
			continue
		}
		l.assert(p, hcl.DiagError, "Invalid value for var."+v.name, l.scope(refs), &l.mistakes)
	}
}
