package template

import (
	"math"
	"strings"
)

// equal is Python's a == b.
func (r *run) equal(a, b value) bool {
	r.enter()
	defer r.leave()
	r.spend(1)
	if s, ok := text(a); ok {
		t, ok := text(b)
		if ok {
			r.handle(min(len(s), len(t)))
		}
		return ok && s == t
	}
	if c, ok := compareNumbers(a, b); ok {
		return c == 0
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case bigInt:
		o, ok := b.(bigInt)
		return ok && a == o
	case *list:
		o, ok := b.(*list)
		return ok && r.equalItems(a.items, o.items)
	case *tuple:
		o, ok := b.(*tuple)
		return ok && r.equalItems(a.items, o.items)
	case *dict:
		o, ok := b.(*dict)
		return ok && r.equalDicts(a, o)
	case *span:
		o, ok := b.(*span)
		return ok && a.n == o.n && (a.n == 0 || a.start == o.start && (a.n == 1 || a.step == o.step))
	case *view:
		return r.equalViews(a, b)
	}
	return same(a, b)
}

// same is Python's a is b, where both are kept by reference.
func same(a, b value) bool {
	switch a := a.(type) {
	case *list, *tuple, *dict, *span, *view, *generator, *namespace, *loop, *function:
		return a == b
	}
	return false
}

func (r *run) equalItems(a, b []value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !r.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (r *run) equalDicts(a, b *dict) bool {
	if len(a.keys) != len(b.keys) {
		return false
	}
	for i, k := range a.keys {
		v, ok, err := r.get(b, k)
		if err != nil || !ok || !r.equal(a.values[i], v) {
			return false
		}
	}
	return true
}

// equalViews compares keys and items as the sets that they are.
func (r *run) equalViews(a *view, b value) bool {
	o, ok := b.(*view)
	if !ok || a.what == "values" || o.what == "values" || a.what != o.what {
		return same(a, b)
	}
	if a.what == "items" {
		return r.equalDicts(a.d, o.d)
	}
	for _, k := range a.d.keys {
		if _, ok, err := r.get(o.d, k); err != nil || !ok {
			return false
		}
	}
	return len(a.d.keys) == len(o.d.keys)
}

// unordered is what compareNumbers says of NaN.
const unordered = 2

// compareNumbers is -1, 0 or 1 as a is less than, equal to or greater than b, if both are numbers.
func compareNumbers(a, b value) (int, bool) {
	x, xInt := integer(a)
	y, yInt := integer(b)
	if xInt && yInt {
		return sign(x < y, x > y), true
	}
	f, fOK := float(a)
	g, gOK := float(b)
	switch {
	case !fOK || !gOK:
		return 0, false
	case math.IsNaN(f) || math.IsNaN(g):
		return unordered, true
	case xInt:
		return intFloat(x, g), true
	case yInt:
		return -intFloat(y, f), true
	}
	return sign(f < g, f > g), true
}

// intFloat compares exactly, where a conversion would round.
func intFloat(n int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Trunc(f)
	if n != int64(whole) {
		return sign(n < int64(whole), n > int64(whole))
	}
	return sign(whole < f, whole > f)
}

func sign(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// order is Python's a < b and a > b: -1, 0, 1 or unordered.
func (r *run) order(op string, a, b value) (int, error) {
	r.enter()
	defer r.leave()
	r.spend(1)
	if c, ok := compareNumbers(a, b); ok {
		return c, nil
	}
	if s, ok := text(a); ok {
		if t, ok := text(b); ok {
			r.handle(min(len(s), len(t)))
			return strings.Compare(s, t), nil // UTF-8 orders as characters do
		}
	}
	switch x := a.(type) {
	case *list:
		if y, ok := b.(*list); ok {
			return r.orderItems(op, x.items, y.items)
		}
	case *tuple:
		if y, ok := b.(*tuple); ok {
			return r.orderItems(op, x.items, y.items)
		}
	}
	return 0, mismatch(op, a, b)
}

func (r *run) orderItems(op string, a, b []value) (int, error) {
	for i := range min(len(a), len(b)) {
		if !r.equal(a[i], b[i]) {
			return r.order(op, a[i], b[i])
		}
	}
	return sign(len(a) < len(b), len(a) > len(b)), nil
}

// mismatch says that an operator does not go with two types.
func mismatch(op string, a, b value) error {
	for _, v := range []value{a, b} {
		if u, ok := v.(undefined); ok {
			return fail("%s", u.why)
		}
	}
	return fail("cannot do '%s' with '%s' and '%s'", op, typeName(a), typeName(b))
}

// compare does one operator of a comparison.
func (r *run) compare(op string, a, b value) (bool, error) {
	switch op {
	case "==":
		return r.equal(a, b), nil
	case "!=":
		return !r.equal(a, b), nil
	case "in":
		return r.contains(b, a)
	case "not in":
		in, err := r.contains(b, a)
		return !in, err
	}
	c, err := r.order(op, a, b)
	switch {
	case err != nil || c == unordered:
		return false, err
	case op == "<":
		return c < 0, nil
	case op == "<=":
		return c <= 0, nil
	case op == ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

// contains is Python's item in v.
func (r *run) contains(v, item value) (bool, error) {
	switch v := v.(type) {
	case string:
		return r.substring(v, item)
	case markup:
		return r.substring(string(v), item)
	case *dict:
		_, ok, err := r.get(v, item)
		return ok, err
	case *view:
		if v.what == "keys" {
			_, ok, err := r.get(v.d, item)
			return ok, err
		}
	}
	next, err := r.iterate(v)
	if err != nil {
		return false, typeMistake("look into", v)
	}
	for {
		x, ok, err := next()
		if err != nil || !ok {
			return false, err
		}
		if same(x, item) || r.equal(x, item) {
			return true, nil
		}
	}
}

func (r *run) substring(s string, item value) (bool, error) {
	t, ok := text(item)
	if !ok {
		return false, typeMistake("look in a string for", item)
	}
	r.handle(len(s))
	return strings.Contains(s, t), nil
}
