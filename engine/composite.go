package engine

import "strings"

// Expander is a composite: it stands in a plan for simpler resources and is nothing on the host
// itself. It is an optional interface of a kind's struct, on its pointer.
type Expander interface {
	// Expand declares what it is made of, with addresses of their own such as "unit.timer".
	Expand() []Declared
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
		for _, part := range e.Expand() {
			out = append(out, d.part(part))
		}
	}
	return out, mistakes
}

// part is one of the resources that d is made of: what is said of d holds for it.
func (d Declared) part(p Declared) Declared {
	inside := func(as []Addr) []Addr {
		var out []Addr
		for _, a := range as {
			out = append(out, d.Addr+"/"+a)
		}
		return out
	}
	p.Addr = d.Addr + "/" + p.Addr
	p.Place, p.Absent, p.LeftOut, p.Deferred = d.Place, d.Absent, d.LeftOut, d.Deferred
	p.Keep, p.PreventRemoval = d.Keep, d.PreventRemoval
	p.DependsOn = append(inside(p.DependsOn), d.DependsOn...)
	p.Inputs = append(inside(p.Inputs), d.Inputs...)
	if d.Timeout != 0 {
		p.Timeout = d.Timeout
	}
	return p
}
