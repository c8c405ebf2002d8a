package engine

import (
	"reflect"
	"slices"
	"strings"
)

// Expander is a composite: it stands in a plan for simpler resources and is nothing on the host
// itself. It is an optional interface of a kind's struct, on its pointer.
type Expander interface {
	// Expand declares what it is made of, with addresses of their own such as "unit.timer", by which parts also refer to one
	// another. inputs are what its own block refers to: a change of one of them is a change of the parts that have it among
	// their Inputs.
	Expand(inputs []Addr) []Declared
}

// NewComposite returns a kind whose struct S is an Expander.
func NewComposite[S any](name string, opts ...KindOption) *Kind {
	k := NewKind[S](name, nil, opts...)
	k.supported = true
	return k
}

// Composite returns the address of the composite that a is a part of, or a itself.
func (a Addr) Composite() Addr {
	// An instance key may hold anything; what a composite is made of has none.
	if i := strings.LastIndexByte(string(a), '/'); i > strings.LastIndexByte(string(a), ']') && i > 0 {
		return a[:i]
	}
	return a
}

// expanded puts what composites are made of in their place.
func expanded(ds []Declared) ([]Declared, Mistakes) {
	var (
		out      = make([]Declared, 0, len(ds))
		mistakes Mistakes
	)
	for _, d := range ds {
		e, ok := d.Spec.(Expander)
		if !ok {
			out = append(out, d)
			continue
		}
		if len(d.IgnoreChanges) > 0 || len(d.Post) > 0 {
			mistakes = append(mistakes, Mistake{d.Place, "Not for a composite",
				string(d.Addr) + " is made of other resources: it has no state to ignore changes of, nor to check afterwards. " +
					"Remove ignore_changes and postcondition."})
		}
		parts := e.Expand(d.Inputs)
		for _, part := range parts {
			out = append(out, d.part(part, parts))
		}
	}
	return out, mistakes
}

// part is one of the resources that d is made of: what is said of d holds for it.
func (d Declared) part(p Declared, parts []Declared) Declared {
	whole := func(as []Addr) []Addr {
		var out []Addr
		for _, a := range as {
			if slices.ContainsFunc(parts, func(p Declared) bool { return p.Addr == a }) {
				a = d.Addr + "/" + a
			}
			out = append(out, a)
		}
		return out
	}
	spec := reflect.ValueOf(p.Spec).Elem()
	for _, f := range p.Kind.fields {
		if as, ok := spec.Field(f.index).Interface().([]Addr); ok {
			spec.Field(f.index).Set(reflect.ValueOf(whole(as)))
		}
	}
	p.Addr = d.Addr + "/" + p.Addr
	p.Place, p.Absent, p.LeftOut, p.Deferred = d.Place, d.Absent, d.LeftOut, d.Deferred
	p.Keep, p.PreventRemoval = d.Keep, d.PreventRemoval
	p.DependsOn = append(whole(p.DependsOn), d.DependsOn...)
	p.Inputs = whole(p.Inputs)
	if d.Timeout != 0 {
		p.Timeout = d.Timeout
	}
	return p
}
