package template

// attribute is v.name: a method or a part of what v is, and then what a mapping has under that name, as in Jinja2.
func (r *run) attribute(v value, name string) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, fail("%s", u.why)
	}
	if found, ok, err := r.member(v, name); ok || err != nil {
		return found, err
	}
	if d, ok := v.(*dict); ok {
		r.handle(len(name))
		if found, ok := d.named(name); ok {
			return found, nil
		}
	}
	return lacking(v, name), nil
}

// lacking is what an attribute is that v does not have.
func lacking(v value, name string) undefined {
	return undefined{"'" + typeName(v) + " object' has no attribute '" + shorten(name) + "'"}
}

// item is v[k]: what is under a key or at a place, and then an attribute of that name.
func (r *run) item(v, k value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, fail("%s", u.why)
	}
	if d, ok := v.(*dict); ok {
		found, ok, err := r.get(d, k)
		if err == nil && ok {
			return found, nil
		}
	} else if i, ok := integer(k); ok {
		if found, ok := r.at(v, i); ok {
			return found, nil
		}
		return undefined{"'" + typeName(v) + " object' has no element " + floatText(float64(i))}, nil
	}
	name, ok := text(k)
	if !ok {
		return undefined{"'" + typeName(v) + " object' has no such element"}, nil
	}
	found, ok, err := r.member(v, name)
	if ok || err != nil {
		return found, err
	}
	return lacking(v, name), nil
}

// at is the value at a place, from the end where it is below 0.
func (r *run) at(v value, i int64) (value, bool) {
	switch v := v.(type) {
	case *list:
		return r.atItems(v.items, i)
	case *tuple:
		return r.atItems(v.items, i)
	case *span:
		if i < 0 {
			i += v.n
		}
		return v.start + i*v.step, i >= 0 && i < v.n
	case string:
		c, ok := r.character(v, i)
		return c, ok
	case markup:
		c, ok := r.character(string(v), i)
		return markup(c), ok
	}
	return nil, false
}

func (r *run) atItems(items []value, i int64) (value, bool) {
	if i < 0 {
		i += int64(len(items))
	}
	if i < 0 || i >= int64(len(items)) {
		return nil, false
	}
	return items[i], true
}

func (r *run) character(s string, i int64) (string, bool) {
	r.read(len(s))
	n := int64(runes(s))
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return "", false
	}
	return r.cut(s, int(i), int(i)+1), true
}

// cut is the part of s between two characters.
func (r *run) cut(s string, from, to int) string {
	r.read(len(s))
	if len(s) == runes(s) {
		return s[from:to]
	}
	begin, end, n := len(s), len(s), 0
	for i := range s {
		if n == from {
			begin = i
		}
		if n == to {
			end = i
			break
		}
		n++
	}
	return s[begin:max(begin, end)]
}

// slice is v[from:to:step].
func (r *run) slice(v value, parts [3]value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, fail("%s", u.why)
	}
	var n int
	switch v.(type) {
	case string, markup, *list, *tuple, *span:
		n, _ = r.length(v)
	default:
		return nil, fail("'%s' has no parts", typeName(v))
	}
	for _, p := range parts {
		if _, ok := integer(p); !ok && p != nil {
			return nil, typeMistake("slice with", p)
		}
	}
	from, to, step, count, err := slicing(parts, int64(n))
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		return r.sliceText(v, from, step, count), nil
	case markup:
		return markup(r.sliceText(string(v), from, step, count)), nil
	case *list:
		return &list{r.sliceItems(v.items, from, step, count)}, nil
	case *tuple:
		return &tuple{r.sliceItems(v.items, from, step, count)}, nil
	}
	s := v.(*span)
	r.build(object)
	return &span{s.start + from*s.step, s.start + to*s.step, step * s.step, count}, nil
}

// slicing works out, by the rules of Python's slice.indices, where a slice of n items begins and ends and how many it has.
func slicing(parts [3]value, n int64) (from, to, step, count int64, err error) {
	step = 1
	if parts[2] != nil {
		step, _ = integer(parts[2])
	}
	if step == 0 {
		return 0, 0, 0, 0, fail("the step of a slice cannot be 0")
	}
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	bound := func(v value, or int64) int64 {
		if v == nil {
			return or
		}
		i, _ := integer(v)
		if i < 0 {
			return max(i+n, low)
		}
		return min(i, high)
	}
	if step > 0 {
		from, to = bound(parts[0], low), bound(parts[1], high)
		if from < to {
			count = (to-from-1)/step + 1
		}
		return from, to, step, count, nil
	}
	step = max(step, -1<<62)
	from, to = bound(parts[0], high), bound(parts[1], low)
	if to < from {
		count = (from-to-1)/(-step) + 1
	}
	return from, to, step, count, nil
}

func (r *run) sliceItems(items []value, from, step, count int64) []value {
	r.buildMany(int(count), slot)
	out := make([]value, count)
	for i := range out {
		out[i] = items[from+int64(i)*step]
	}
	return out
}

func (r *run) sliceText(s string, from, step, count int64) string {
	if count == 0 {
		return ""
	}
	if step == 1 {
		return r.cut(s, int(from), int(from+count))
	}
	r.read(len(s))
	r.build(4 * len(s))
	all := []rune(s)
	out := make([]rune, count)
	for i := range out {
		out[i] = all[from+int64(i)*step]
	}
	return string(out)
}
