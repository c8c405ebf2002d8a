package template

import (
	"slices"
	"strconv"
	"strings"
)

// attributePath are the keys that an attribute such as "function.name" or "0.id" names.
func attributePath(path value) []value {
	s, ok := text(path)
	if !ok {
		return []value{path}
	}
	var out []value
	for part := range strings.SplitSeq(s, ".") {
		var key value = part
		if digits(part, isDigit) == len(part) && part != "" {
			if n, err := strconv.ParseInt(part, 10, 64); err == nil {
				key = n
			}
		}
		out = append(out, key)
	}
	return out
}

func filterAttr(r *run, v value, a *args) (value, error) {
	in, err := a.bind("attr", 1, "name")
	if err != nil {
		return nil, err
	}
	name, err := r.str(in[0])
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, fail("%s", u.why)
	}
	found, ok, err := r.member(v, name)
	if ok || err != nil {
		return found, err
	}
	return lacking(v, name), nil
}

func filterLength(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("length", 0); err != nil {
		return nil, err
	}
	n, ok := r.length(v)
	if !ok {
		return nil, typeMistake("take the length of", v)
	}
	return int64(n), nil
}

func filterDefault(_ *run, v value, a *args) (value, error) {
	in, err := a.bind("default", 0, "default_value", "boolean")
	if err != nil {
		return nil, err
	}
	_, none := v.(undefined)
	if !none && !(given(in[1]) && truth(in[1]) && !truth(v)) {
		return v, nil
	}
	if !given(in[0]) {
		return "", nil
	}
	return in[0], nil
}

func filterFirst(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("first", 0); err != nil {
		return nil, err
	}
	next, err := r.iterate(v)
	if err != nil {
		return nil, typeMistake("take the first of", v)
	}
	first, ok, err := next()
	if err == nil && !ok {
		first = undefined{"No first item, sequence was empty."}
	}
	return first, err
}

func filterLast(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("last", 0); err != nil {
		return nil, err
	}
	back, err := r.backwards(v)
	if err != nil {
		return nil, err
	}
	if len(back) == 0 {
		return undefined{"No last item, sequence was empty."}, nil
	}
	return back[0], nil
}

// backwards are the items of what knows its end, the last one first.
func (r *run) backwards(v value) ([]value, error) {
	switch v.(type) {
	case *list, *tuple, *dict, *span, *view, string, markup, undefined:
	default:
		return nil, typeMistake("reverse", v)
	}
	items, err := r.items(v)
	slices.Reverse(items)
	return items, err
}

func filterReverse(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("reverse", 0); err != nil {
		return nil, err
	}
	if s, ok := text(v); ok {
		n := int64(runes(s))
		return like(v, r.sliceText(s, n-1, -1, n)), nil
	}
	if g, ok := v.(*generator); ok {
		items, err := r.items(g)
		slices.Reverse(items)
		return &list{items}, err
	}
	items, err := r.backwards(v)
	return r.overList(items), err
}

func filterItems(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("items", 0); err != nil {
		return nil, err
	}
	switch d := v.(type) {
	case undefined:
		return r.overList(nil), nil
	case *dict:
		return r.overList(r.viewItems(&view{d, "items"})), nil
	}
	return r.later(v, func() (iterator, error) { return nil, fail("Can only get item pairs from a mapping.") }), nil
}

func filterList(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("list", 0); err != nil {
		return nil, err
	}
	items, err := r.items(v)
	return &list{items}, err
}

func filterBatch(r *run, v value, a *args) (value, error) {
	in, err := a.bind("batch", 1, "linecount", "fill_with")
	if err != nil {
		return nil, err
	}
	return r.later(v, func() (iterator, error) { return r.batch(v, in) }), nil
}

// batch cuts what v has into rows.
func (r *run) batch(v value, in []value) (iterator, error) {
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	size, isInt := float(in[0])
	if !isInt && (len(items) > 0) {
		return nil, typeMistake("take for a number", in[0])
	}
	var out []value
	var row []value
	for _, item := range items {
		if float64(len(row)) == size {
			r.build(object)
			out = append(out, &list{row})
			row = nil
		}
		r.build(slot)
		row = append(row, item)
	}
	if row != nil {
		for given(in[1]) && in[1] != nil && float64(len(row)) < size {
			r.build(slot)
			row = append(row, in[1])
		}
		out = append(out, &list{row})
	}
	return r.overItems(out), nil
}

func filterSlice(r *run, v value, a *args) (value, error) {
	in, err := a.bind("slice", 1, "slices", "fill_with")
	if err != nil {
		return nil, err
	}
	return r.later(v, func() (iterator, error) { return r.parts(v, in) }), nil
}

// parts cuts what v has into so many lists.
func (r *run) parts(v value, in []value) (iterator, error) {
	n, err := intOr(in[0], 0)
	if err != nil {
		return nil, err
	}
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fail("division by zero")
	}
	r.buildMany(int(min(max(n, 0), int64(r.memory))), object+slot)
	size, longer, at := int64(len(items))/max(n, 1), int64(len(items))%max(n, 1), int64(0)
	var out []value
	for i := range n {
		end := at + size
		if i < longer {
			end++
		}
		part := append([]value{}, items[at:end]...)
		if given(in[1]) && in[1] != nil && i >= longer {
			part = append(part, in[1])
		}
		r.buildMany(len(part), slot)
		out = append(out, &list{part})
		at = end
	}
	return r.overItems(out), nil
}

func filterUnique(r *run, v value, a *args) (value, error) {
	in, err := a.bind("unique", 0, "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	return r.later(v, func() (iterator, error) {
		seen := newDict()
		return r.through(v, func(item value) (value, bool, error) {
			key, err := r.attributeOf(item, in[1])
			if err != nil {
				return nil, false, err
			}
			if !given(in[0]) || !truth(in[0]) {
				key = r.folded(key)
			}
			_, again, err := r.get(seen, key)
			if err != nil || again {
				return nil, false, err
			}
			return item, true, r.set(seen, key, true)
		})
	}), nil
}
