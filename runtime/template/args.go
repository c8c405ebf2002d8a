package template

// args are the arguments of a call.
type args struct {
	pos   []value
	names []string
	named []value
}

// missing stands for an argument that was not given.
type missing struct{}

func (c *callArgs) eval(r *run, s *scope) (*args, error) {
	a := &args{}
	if c.pos == nil && c.named == nil && c.star == nil && c.double == nil {
		return a, nil
	}
	r.build(object)
	var err error
	if a.pos, err = r.evalAll(c.pos, s); err != nil {
		return nil, err
	}
	if a.named, err = r.evalAll(c.named, s); err != nil {
		return nil, err
	}
	a.names = append(a.names, c.names...)
	if c.star != nil {
		if err := a.addAll(r, s, c.star); err != nil {
			return nil, err
		}
	}
	if c.double != nil {
		return a, a.addNamed(r, s, c.double)
	}
	return a, nil
}

func (a *args) addAll(r *run, s *scope, of expr) error {
	v, err := of.eval(r, s)
	if err != nil {
		return err
	}
	items, err := r.items(v)
	a.pos = append(a.pos, items...)
	return err
}

func (a *args) addNamed(r *run, s *scope, of expr) error {
	v, err := of.eval(r, s)
	if err != nil {
		return err
	}
	d, ok := v.(*dict)
	if !ok {
		return typeMistake("take arguments from", v)
	}
	taken := map[string]bool{}
	for _, n := range a.names {
		taken[n] = true
	}
	r.buildMany(len(d.keys), entry)
	for i, k := range d.keys {
		name, ok := text(k)
		if !ok || taken[name] {
			return fail("cannot take an argument from '%s'", typeName(k))
		}
		a.names, a.named = append(a.names, name), append(a.named, d.values[i])
	}
	return nil
}

// bind gives each parameter its argument, or missing{}. The first need of them must be there. A parameter whose name begins
// with "-" cannot be given by name.
func (a *args) bind(what string, need int, params ...string) ([]value, error) {
	if len(a.pos) > len(params) {
		return nil, fail("%s takes at most %d arguments", what, len(params))
	}
	out := make([]value, len(params))
	for i := range out {
		out[i] = missing{}
	}
	copy(out, a.pos)
	for i, name := range a.names {
		at := -1
		for j, p := range params {
			if p == name {
				at = j
			}
		}
		if at < 0 {
			return nil, fail("%s takes no argument '%s'", what, shorten(name))
		}
		if _, free := out[at].(missing); !free {
			return nil, fail("%s is given '%s' twice", what, shorten(name))
		}
		out[at] = a.named[i]
	}
	for i := range need {
		if _, absent := out[i].(missing); absent {
			return nil, fail("%s needs %d arguments", what, need)
		}
	}
	return out, nil
}

// given reports whether an argument was given.
func given(v value) bool {
	_, absent := v.(missing)
	return !absent
}

// intOr is the integer that was given, or another.
func intOr(v value, or int64) (int64, error) {
	if !given(v) {
		return or, nil
	}
	n, ok := integer(v)
	if !ok {
		return 0, typeMistake("take for an integer", v)
	}
	return n, nil
}

// textOr is the string that was given, or another.
func textOr(v value, or string) (string, error) {
	if !given(v) {
		return or, nil
	}
	s, ok := text(v)
	if !ok {
		return "", typeMistake("take for a string", v)
	}
	return s, nil
}
