package template

// test is what stands after "is".
type test func(r *run, v value, a *args) (bool, error)

// testNamed is a test of Jinja2, or nil.
func testNamed(name string) test {
	switch name {
	case "filter":
		return named(func(n string) bool { return filterNamed(n) != nil })
	case "test":
		return named(func(n string) bool { return testNamed(n) != nil })
	}
	if f, ok := kindTests[name]; ok {
		return func(_ *run, v value, a *args) (bool, error) {
			_, err := a.bind("the test", 0)
			return f(v), err
		}
	}
	if op, ok := comparisons[name]; ok {
		return func(r *run, v value, a *args) (bool, error) {
			in, err := a.bind("the test", 1, "other")
			if err != nil {
				return false, err
			}
			return r.compare(op, v, in[0])
		}
	}
	return otherTests[name]
}

// named makes a test of whether something of that name is known.
func named(known func(string) bool) test {
	return func(_ *run, v value, a *args) (bool, error) {
		_, err := a.bind("the test", 0)
		s, ok := text(v)
		return ok && known(s), err
	}
}

var comparisons = map[string]string{
	"==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=",
	"<": "<", "lt": "<", "lessthan": "<", "<=": "<=", "le": "<=",
	">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=", "in": "in",
}

// kindTests ask only what a value is.
var kindTests = map[string]func(v value) bool{
	"defined":   func(v value) bool { _, none := v.(undefined); return !none },
	"undefined": func(v value) bool { _, none := v.(undefined); return none },
	"none":      func(v value) bool { return v == nil },
	"boolean":   func(v value) bool { _, ok := v.(bool); return ok },
	"true":      func(v value) bool { return v == true },
	"false":     func(v value) bool { return v == false },
	"float":     func(v value) bool { _, ok := v.(float64); return ok },
	"string":    func(v value) bool { _, ok := text(v); return ok },
	"mapping":   func(v value) bool { _, ok := v.(*dict); return ok },
	"escaped":   func(v value) bool { _, ok := v.(markup); return ok },
	"integer":   isInteger,
	"number":    isNumber,
	"sequence":  isSequence,
	"iterable":  isIterable,
	"callable":  isCallable,
}

func isInteger(v value) bool {
	switch v.(type) {
	case int64, bigInt:
		return true
	}
	return false
}

// isNumber counts True and False, as Python does.
func isNumber(v value) bool {
	switch v.(type) {
	case bool, float64:
		return true
	}
	return isInteger(v)
}

func isSequence(v value) bool {
	switch v.(type) {
	case undefined, string, markup, *list, *tuple, *dict, *span:
		return true
	}
	return false
}

func isIterable(v value) bool {
	switch v.(type) {
	case *view, *generator, *loop:
		return true
	}
	return isSequence(v)
}

func isCallable(v value) bool {
	switch v := v.(type) {
	case undefined, *loop:
		return true
	case *function:
		return v.cycle == nil
	}
	return false
}

var otherTests = map[string]test{
	"lower":       func(r *run, v value, a *args) (bool, error) { return r.caseTest(v, a, isLower) },
	"upper":       func(r *run, v value, a *args) (bool, error) { return r.caseTest(v, a, isUpper) },
	"even":        func(r *run, v value, a *args) (bool, error) { return r.divides(v, int64(2), 0) },
	"odd":         func(r *run, v value, a *args) (bool, error) { return r.divides(v, int64(2), 1) },
	"divisibleby": testDivisible,
	"sameas":      testSame,
}

func (r *run) caseTest(v value, a *args, is func(string) bool) (bool, error) {
	if _, err := a.bind("the test", 0); err != nil {
		return false, err
	}
	s, err := r.str(v)
	r.read(len(s))
	return is(s), err
}

// divides reports whether that much is left when v is divided.
func (r *run) divides(v, by value, left int64) (bool, error) {
	m, err := r.calculate("%", v, by)
	if err != nil {
		return false, err
	}
	return r.equal(m, left), nil
}

func testDivisible(r *run, v value, a *args) (bool, error) {
	in, err := a.bind("divisibleby", 1, "num")
	if err != nil {
		return false, err
	}
	return r.divides(v, in[0], 0)
}

// testSame is Python's is, as far as it does not depend on how Python keeps a value.
func testSame(r *run, v value, a *args) (bool, error) {
	in, err := a.bind("sameas", 1, "other")
	if err != nil {
		return false, err
	}
	switch v.(type) {
	case nil, bool, int64, float64, bigInt, string, markup:
		return typeName(v) == typeName(in[0]) && r.equal(v, in[0]), nil
	}
	return same(v, in[0]), nil
}
