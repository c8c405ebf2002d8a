package template

import (
	"slices"
	"strings"
)

// sortKey is one item with what it is sorted by.
type sortKey struct {
	item value
	by   []value
}

// sorted sorts stably, as Python's sorted does.
func (r *run) sorted(keys []sortKey, reverse bool) ([]value, error) {
	var failed error
	slices.SortStableFunc(keys, func(a, b sortKey) int {
		if failed != nil {
			return 0
		}
		r.spend(2) // for what is moved about
		for i := range a.by {
			if r.equal(a.by[i], b.by[i]) {
				continue
			}
			c, err := r.order("<", a.by[i], b.by[i])
			if err != nil {
				failed = err
				return 0
			}
			if c == unordered {
				return 0
			}
			if reverse {
				c = -c
			}
			return c
		}
		return 0
	})
	out := make([]value, len(keys))
	for i, k := range keys {
		out[i] = k.item
	}
	return out, failed
}

func filterSort(r *run, v value, a *args) (value, error) {
	in, err := a.bind("sort", 0, "reverse", "case_sensitive", "attribute")
	if err != nil {
		return nil, err
	}
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	paths := []value{in[2]}
	if s, ok := text(in[2]); ok {
		paths = nil
		for p := range strings.SplitSeq(s, ",") {
			paths = append(paths, p)
		}
	}
	r.buildMany(len(items), object+len(paths)*slot)
	keys := make([]sortKey, len(items))
	for i, item := range items {
		keys[i].item = item
		for _, p := range paths {
			by, err := r.attributeOf(item, p)
			if err != nil {
				return nil, err
			}
			if !given(in[1]) || !truth(in[1]) {
				by = r.folded(by)
			}
			keys[i].by = append(keys[i].by, by)
		}
	}
	out, err := r.sorted(keys, given(in[0]) && truth(in[0]))
	return &list{out}, err
}

func filterDictsort(r *run, v value, a *args) (value, error) {
	in, err := a.bind("dictsort", 0, "case_sensitive", "by", "reverse")
	if err != nil {
		return nil, err
	}
	by, err := textOr(in[1], "key")
	if err != nil {
		return nil, err
	}
	if by != "key" && by != "value" {
		return nil, fail(`you can only sort by either "key" or "value"`)
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, typeMistake("sort the items of", v)
	}
	r.buildMany(len(d.keys), 2*object)
	keys := make([]sortKey, len(d.keys))
	for i, item := range r.viewItems(&view{d, "items"}) {
		key := d.keys[i]
		if by == "value" {
			key = d.values[i]
		}
		if !given(in[0]) || !truth(in[0]) {
			key = r.folded(key)
		}
		keys[i] = sortKey{item, []value{key}}
	}
	out, err := r.sorted(keys, given(in[2]) && truth(in[2]))
	return &list{out}, err
}
