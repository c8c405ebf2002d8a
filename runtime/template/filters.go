package template

// filter is what stands after a "|".
type filter func(r *run, v value, a *args) (value, error)

// filterNamed is a filter of Jinja2, or nil. A chat template needs no others: what is left out deals with HTML, or with chance.
func filterNamed(name string) filter {
	switch name {
	case "map":
		return filterMap
	case "select":
		return picker(true, false)
	case "reject":
		return picker(false, false)
	case "selectattr":
		return picker(true, true)
	case "rejectattr":
		return picker(false, true)
	}
	if f, ok := textFilters[name]; ok {
		return f
	}
	if f, ok := numberFilters[name]; ok {
		return f
	}
	return itemFilters[name]
}

var textFilters = map[string]filter{
	"capitalize": soft(capitalize),
	"lower":      soft(lower),
	"upper":      soft(upper),
	"title":      soft(titleWords),
	"string":     filterString,
	"trim":       filterTrim,
	"replace":    filterReplace,
	"indent":     filterIndent,
	"center":     filterCenter,
	"truncate":   filterTruncate,
	"wordcount":  filterWordcount,
	"format":     filterFormat,
	"escape":     filterEscape,
	"e":          filterEscape,
	"safe":       filterSafe,
	"tojson":     toJSON,
	"join":       filterJoin,
}

var numberFilters = map[string]filter{
	"abs":   filterAbs,
	"int":   filterInt,
	"float": filterFloat,
	"round": filterRound,
	"sum":   filterSum,
	"min":   extreme("min", -1),
	"max":   extreme("max", 1),
}

var itemFilters = map[string]filter{
	"attr":     filterAttr,
	"batch":    filterBatch,
	"count":    filterLength,
	"length":   filterLength,
	"d":        filterDefault,
	"default":  filterDefault,
	"dictsort": filterDictsort,
	"first":    filterFirst,
	"last":     filterLast,
	"items":    filterItems,
	"list":     filterList,
	"reverse":  filterReverse,
	"slice":    filterSlice,
	"sort":     filterSort,
	"unique":   filterUnique,
}

// attributeOf reads what map(attribute=…) and its like name: parts with dots between them, a number is a place. nil is none.
func (r *run) attributeOf(v value, path value) (value, error) {
	if path == nil || !given(path) {
		return v, nil
	}
	for _, key := range attributePath(path) {
		r.spend(1)
		var err error
		if v, err = r.item(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// mapper is what map does with each item.
func mapper(r *run, a *args) (func(value) (value, error), error) {
	if len(a.pos) == 0 {
		in, err := a.bind("map", 0, "attribute", "default")
		if err != nil {
			return nil, err
		}
		if !given(in[0]) {
			return nil, fail("map requires a filter argument")
		}
		return func(item value) (value, error) {
			out, err := r.attributeOf(item, in[0])
			if _, none := out.(undefined); none && given(in[1]) && in[1] != nil {
				out = in[1]
			}
			return out, err
		}, nil
	}
	name, err := textOr(a.pos[0], "")
	if err != nil {
		return nil, err
	}
	do := filterNamed(name)
	if do == nil {
		return nil, fail("there is no filter '%s'", shorten(name))
	}
	rest := &args{a.pos[1:], a.names, a.named}
	return func(item value) (value, error) { return do(r, item, rest) }, nil
}

func filterMap(r *run, v value, a *args) (value, error) {
	return r.later(v, func() (iterator, error) {
		if !truth(v) {
			return r.overItems(nil), nil
		}
		do, err := mapper(r, a)
		if err != nil {
			return nil, err
		}
		return r.through(v, func(item value) (value, bool, error) {
			out, err := do(item)
			return out, true, err
		})
	}), nil
}

// picker makes select and its like: by a test of each item, or of an attribute of it.
func picker(keep, byAttribute bool) filter {
	return func(r *run, v value, a *args) (value, error) {
		return r.later(v, func() (iterator, error) {
			if !truth(v) {
				return r.overItems(nil), nil
			}
			ok, err := chooser(r, a, byAttribute)
			if err != nil {
				return nil, err
			}
			return r.through(v, func(item value) (value, bool, error) {
				chosen, err := ok(item)
				return item, chosen == keep, err
			})
		}), nil
	}
}

// chooser is what select does with each item.
func chooser(r *run, a *args, byAttribute bool) (func(value) (bool, error), error) {
	pos := a.pos
	var path value
	if byAttribute {
		if len(pos) == 0 {
			return nil, fail("missing parameter for attribute name")
		}
		path, pos = pos[0], pos[1:]
	}
	do := func(_ *run, v value, _ *args) (bool, error) { return truth(v), nil }
	rest := &args{names: a.names, named: a.named}
	if len(pos) > 0 {
		name, err := textOr(pos[0], "")
		if err != nil {
			return nil, err
		}
		if do = testNamed(name); do == nil {
			return nil, fail("there is no test '%s'", shorten(name))
		}
		rest.pos = pos[1:]
	}
	return func(item value) (bool, error) {
		of, err := r.attributeOf(item, path)
		if err != nil {
			return false, err
		}
		return do(r, of, rest)
	}, nil
}

// through gives what f makes of each item of v, of those that it keeps.
func (r *run) through(v value, f func(value) (value, bool, error)) (iterator, error) {
	next, err := r.iterate(v)
	if err != nil {
		return nil, typeMistake("go through", v)
	}
	return func() (value, bool, error) {
		for {
			item, ok, err := next()
			if err != nil || !ok {
				return nil, false, err
			}
			r.tick()
			out, keep, err := f(item)
			if err != nil || keep {
				return out, keep, err
			}
		}
	}, nil
}

// later makes a generator over v. As in Python nothing happens, and nothing fails, before the first item is asked for.
func (r *run) later(v value, begin func() (iterator, error)) *generator {
	g := &generator{depth: 1}
	if from, ok := v.(*generator); ok {
		if g.depth = from.depth + 1; g.depth > maxDepth {
			panic(&LimitError{LimitDepth})
		}
	}
	r.build(2 * object)
	var next iterator
	g.next = func() (value, bool, error) {
		if next == nil {
			var err error
			if next, err = begin(); err != nil {
				next = r.overItems(nil)
				return nil, false, err
			}
		}
		return next()
	}
	return g
}

// overList makes a generator of items.
func (r *run) overList(items []value) *generator {
	r.build(2 * object)
	return &generator{r.overItems(items), 1}
}
