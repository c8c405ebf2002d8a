package template

import "strings"

// member is a method or a part of what v is. What begins with "_" is nobody's.
func (r *run) member(v value, name string) (value, bool, error) {
	switch v := v.(type) {
	case string:
		return textMember(v, name, false)
	case markup:
		return textMember(string(v), name, true)
	case *dict:
		return dictMember(v, name)
	case *list:
		return listMember(v, v.items, name)
	case *tuple:
		return listMember(v, v.items, name)
	case *namespace:
		found, ok := v.d.named(name)
		return found, ok && !strings.HasPrefix(name, "_"), nil
	case *loop:
		return r.loopMember(v, name)
	case *function:
		if v.cycle != nil {
			return v.cycle.member(name)
		}
	}
	return nil, false, nil
}

// method makes a value of a function.
func method(name string, call func(r *run, a *args) (value, error)) (value, bool, error) {
	return &function{name: name, call: call}, true, nil
}

// textMember is a method of a string. What a method of markup makes is markup, and its arguments are escaped.
func textMember(s, name string, safe bool) (value, bool, error) {
	do := textMethod(name)
	if do == nil {
		return nil, false, nil
	}
	if !safe {
		return method(name, func(r *run, a *args) (value, error) { return do(r, s, a) })
	}
	return method(name, func(r *run, a *args) (value, error) {
		in := &args{names: a.names}
		for _, v := range a.pos {
			in.pos = append(in.pos, r.escapeText(v))
		}
		for _, v := range a.named {
			in.named = append(in.named, r.escapeText(v))
		}
		v, err := do(r, s, in)
		return asMarkup(v), err
	})
}

// escapeText escapes a value if it is a string.
func (r *run) escapeText(v value) value {
	if s, ok := v.(string); ok {
		return r.escaped(s)
	}
	return v
}

// asMarkup makes strings, and those in a list or tuple, markup.
func asMarkup(v value) value {
	switch v := v.(type) {
	case string:
		return markup(v)
	case *list:
		for i := range v.items {
			v.items[i] = asMarkup(v.items[i])
		}
	case *tuple:
		for i := range v.items {
			v.items[i] = asMarkup(v.items[i])
		}
	}
	return v
}

// unsafe is what a method is that would change data.
func unsafe(name string, of value) (value, bool, error) {
	return undefined{"access to attribute '" + name + "' of '" + typeName(of) + "' object is unsafe"}, true, nil
}

func dictMember(d *dict, name string) (value, bool, error) {
	switch name {
	case "keys", "values", "items":
		return method(name, func(r *run, a *args) (value, error) {
			_, err := a.bind(name, 0)
			r.build(object)
			return &view{d, name}, err
		})
	case "get":
		return method(name, func(r *run, a *args) (value, error) {
			in, err := a.bind(name, 1, "-key", "-default")
			if err != nil {
				return nil, err
			}
			v, ok, err := r.get(d, in[0])
			if !ok && given(in[1]) {
				v = in[1]
			}
			return v, err
		})
	case "copy":
		return method(name, func(r *run, a *args) (value, error) {
			_, err := a.bind(name, 0)
			return r.copyDict(d), err
		})
	case "clear", "pop", "popitem", "setdefault", "update":
		return unsafe(name, d)
	}
	return nil, false, nil
}

// listMember is a method of a list or of a tuple.
func listMember(of value, items []value, name string) (value, bool, error) {
	switch name {
	case "index":
		return method(name, func(r *run, a *args) (value, error) { return r.indexOf(items, a) })
	case "count":
		return method(name, func(r *run, a *args) (value, error) {
			in, err := a.bind(name, 1, "-value")
			if err != nil {
				return nil, err
			}
			n := int64(0)
			for _, item := range items {
				if same(item, in[0]) || r.equal(item, in[0]) {
					n++
				}
			}
			return n, nil
		})
	}
	if _, ok := of.(*tuple); ok {
		return nil, false, nil
	}
	switch name {
	case "copy":
		return method(name, func(r *run, a *args) (value, error) {
			_, err := a.bind(name, 0)
			return &list{r.joinItems(items, nil)}, err
		})
	case "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort":
		return unsafe(name, of)
	}
	return nil, false, nil
}

// indexOf is where a value is in a list, between two places.
func (r *run) indexOf(items []value, a *args) (value, error) {
	in, err := a.bind("index", 1, "-value", "-start", "-stop")
	if err != nil {
		return nil, err
	}
	from, err := intOr(in[1], 0)
	if err != nil {
		return nil, err
	}
	to, err := intOr(in[2], int64(len(items)))
	if err != nil {
		return nil, err
	}
	begin, _, _, count, _ := slicing([3]value{from, to, nil}, int64(len(items)))
	for i := begin; i < begin+count; i++ {
		if same(items[i], in[0]) || r.equal(items[i], in[0]) {
			return i, nil
		}
	}
	return nil, fail("the value is not in the list")
}

// loopMember is a part of what a loop tells.
func (r *run) loopMember(l *loop, name string) (value, bool, error) {
	switch name {
	case "index":
		return l.index0 + 1, true, nil
	case "index0":
		return l.index0, true, nil
	case "first":
		return l.index0 == 0, true, nil
	case "depth":
		return int64(1), true, nil
	case "depth0":
		return int64(0), true, nil
	case "previtem":
		return l.before, true, nil
	case "last", "nextitem":
		return l.following(name)
	case "length", "revindex", "revindex0":
		n, err := l.length(r)
		back := map[string]int64{"length": 0, "revindex": l.index0, "revindex0": l.index0 + 1}
		return int64(n) - back[name], true, err
	case "cycle":
		return method(name, func(_ *run, a *args) (value, error) {
			if len(a.pos) == 0 || len(a.named) > 0 {
				return nil, fail("no items for cycling were given")
			}
			return a.pos[l.index0%int64(len(a.pos))], nil
		})
	case "changed":
		return method(name, func(r *run, a *args) (value, error) {
			if l.seen != nil && r.equalItems(l.seen, a.pos) {
				return false, nil
			}
			l.seen = append([]value{}, a.pos...)
			return true, nil
		})
	}
	return nil, false, nil
}

func (l *loop) following(name string) (value, bool, error) {
	if err := l.peek(); err != nil {
		return nil, true, err
	}
	switch {
	case name == "last":
		return len(l.ahead) == 0, true, nil
	case len(l.ahead) == 0:
		return undefined{"there is no next item"}, true, nil
	}
	return l.ahead[0], true, nil
}
