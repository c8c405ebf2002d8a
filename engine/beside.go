package engine

// Sharer is told which other things of its kind are managed on the host: what a thing that comes, or one that goes, has in
// common with them belongs to them. So a port that passes from a block that goes to one that comes is nothing that the
// one would find, nor anything that the other has to take away. It is an optional interface of a kind's struct, on its
// pointer.
type Sharer[S any] interface {
	Beside(others *Others[S])
}

// Others are things of one kind. The same ones are told to many.
type Others[S any] struct{ Specs []*S }

// besideOf erases the type of what *S is told.
func besideOf[S any]() func(entries []any) func(spec any) {
	if _, ok := any(new(S)).(Sharer[S]); !ok {
		return nil
	}
	return func(entries []any) func(any) {
		others := &Others[S]{}
		for _, e := range entries {
			others.Specs = append(others.Specs, e.(*S))
		}
		return func(spec any) { spec.(Sharer[S]).Beside(others) }
	}
}

// tellOthers tells what comes and what goes of everything else of its kind: what comes of all that the ledger has, what goes
// of that which stays, and what is there already of nothing.
func (p Planner) tellOthers(cs []*Change) error {
	of, names := map[string][]*Change{}, []string{}
	for _, c := range cs {
		if c.Kind.beside == nil || p.Ledger == nil {
			continue
		}
		if of[c.Kind.name] == nil {
			names = append(names, c.Kind.name)
		}
		of[c.Kind.name] = append(of[c.Kind.name], c)
	}
	for _, name := range names {
		if err := p.tellKind(of[name]); err != nil {
			return err
		}
	}
	return nil
}

func (p Planner) tellKind(cs []*Change) error {
	going := map[Claim]bool{}
	var coming, gone, there []*Change
	for _, c := range cs {
		_, known := p.Ledger.Lookup(c.Claim())
		switch {
		case c.Want == nil:
			going[c.Claim()] = true
			gone = append(gone, c)
		case !known:
			coming = append(coming, c)
		default:
			there = append(there, c)
		}
	}
	kind := cs[0].Kind
	tell(kind.beside(nil), there)
	if len(coming)+len(gone) == 0 {
		return nil
	}
	var all, stay []any
	for _, claim := range p.Ledger.OfKind(kind.name) {
		if h, _ := p.Ledger.Lookup(claim); h.Absent {
			continue
		}
		e, err := p.Ledger.Entry(claim)
		if err != nil {
			return err
		}
		spec, err := kind.Decode(e.Spec)
		if err != nil {
			return err
		}
		all = append(all, spec)
		if !going[claim] {
			stay = append(stay, spec)
		}
	}
	tell(kind.beside(all), coming)
	tell(kind.beside(stay), gone)
	return nil
}

func tell(others func(spec any), cs []*Change) {
	for _, c := range cs {
		others(c.Spec)
		if c.leftSpec != nil {
			others(c.leftSpec)
		}
	}
}
