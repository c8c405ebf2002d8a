package plans

import (
	"errors"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// collectionFunctions are those of lists and maps that cty does not have, or not as Terraform does.
func collectionFunctions() map[string]function.Function {
	bools := param("list", cty.List(cty.Bool))
	return map[string]function.Function{
		"alltrue": simple(cty.Bool, func(args []cty.Value) (cty.Value, error) { return every(args[0], true), nil }, bools),
		"anytrue": simple(cty.Bool, func(args []cty.Value) (cty.Value, error) { return every(args[0], false).Not(), nil }, bools),
		"index":   indexFunc(), "length": lengthFunc(), "one": oneFunc(), "sum": sumFunc(), "transpose": transposeFunc(),
	}
}

// every reports whether all of list are want.
func every(list cty.Value, want bool) cty.Value {
	for it := list.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() || e.True() != want {
			return cty.False
		}
	}
	return cty.True
}

// elements is a list, set or tuple as a slice.
func elements(v cty.Value) ([]cty.Value, error) {
	if t := v.Type(); !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
		return nil, function.NewArgErrorf(0, "a list is required, and this is %s", t.FriendlyName())
	}
	return v.AsValueSlice(), nil
}

func indexFunc() function.Function {
	value := function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true}
	return simple(cty.Number, func(args []cty.Value) (cty.Value, error) {
		vs, err := elements(args[0])
		if err != nil {
			return cty.UnknownVal(cty.Number), err
		}
		for i, e := range vs {
			if eq := e.Equals(args[1]); eq.IsKnown() && eq.True() {
				return cty.NumberIntVal(int64(i)), nil
			}
		}
		return cty.UnknownVal(cty.Number), errors.New("the list does not hold this value")
	}, param("list", cty.DynamicPseudoType), value)
}

// lengthFunc counts the characters of a string, or the elements of anything that has some.
func lengthFunc() function.Function {
	value := function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}
	return function.New(&function.Spec{
		Params: []function.Parameter{value},
		Type: func(args []cty.Value) (cty.Type, error) {
			t := args[0].Type()
			if t == cty.String || t == cty.DynamicPseudoType || t.IsCollectionType() || t.IsTupleType() || t.IsObjectType() {
				return cty.Number, nil
			}
			return cty.Number, function.NewArgErrorf(0, "a string or a collection is required, and this is %s", t.FriendlyName())
		},
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			switch {
			case !v.IsKnown():
				return cty.UnknownVal(t).WithMarks(marks), nil
			case v.Type() == cty.String:
				n, err := stdlib.Strlen(v)
				return n.WithMarks(marks), err
			case v.Type().IsTupleType(), v.Type().IsObjectType():
				return cty.NumberIntVal(int64(v.LengthInt())).WithMarks(marks), nil
			}
			return v.Length().WithMarks(marks), nil
		},
	})
}

// oneFunc is the only element, null of none.
func oneFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("list", cty.DynamicPseudoType)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsWhollyKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := one(args[0])
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return one(args[0]) },
	})
}

func one(list cty.Value) (cty.Value, error) {
	vs, err := elements(list)
	switch {
	case err != nil:
		return cty.DynamicVal, err
	case len(vs) == 0:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case len(vs) > 1:
		return cty.DynamicVal, function.NewArgErrorf(0, "the list has more than one element")
	}
	return vs[0], nil
}

func sumFunc() function.Function {
	return simple(cty.Number, func(args []cty.Value) (cty.Value, error) {
		vs, err := elements(args[0])
		if err != nil {
			return cty.UnknownVal(cty.Number), err
		}
		total := cty.Zero
		for _, e := range vs {
			n, err := convert.Convert(e, cty.Number)
			if err != nil || n.IsNull() {
				return cty.UnknownVal(cty.Number), function.NewArgErrorf(0, "all elements must be numbers")
			}
			if total, err = stdlib.Add(total, n); err != nil {
				return cty.UnknownVal(cty.Number), err
			}
		}
		return total, nil
	}, param("list", cty.DynamicPseudoType))
}

// transposeFunc turns a map of lists around: each element becomes a key of the keys it was under.
func transposeFunc() function.Function {
	t := cty.Map(cty.List(cty.String))
	return simple(t, func(args []cty.Value) (cty.Value, error) {
		byElement := map[string][]cty.Value{}
		for it := args[0].ElementIterator(); it.Next(); {
			key, vs := it.Element()
			if vs.IsNull() {
				return cty.UnknownVal(t), function.NewArgErrorf(0, "a list in the map is null")
			}
			for in := vs.ElementIterator(); in.Next(); {
				_, e := in.Element()
				if e.IsNull() {
					return cty.UnknownVal(t), function.NewArgErrorf(0, "an element is null")
				}
				byElement[e.AsString()] = append(byElement[e.AsString()], key)
			}
		}
		if len(byElement) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		out := make(map[string]cty.Value, len(byElement))
		for e, keys := range byElement {
			out[e] = cty.ListVal(keys)
		}
		return cty.MapVal(out), nil
	}, param("map", t))
}

// whole is n as an int, refused where it is none or too large to be meant.
func whole(n cty.Value, arg int) (int, error) {
	i, exact := n.AsBigFloat().Int64()
	if exact != big.Exact || i < -1<<31 || i > 1<<31 {
		return 0, function.NewArgErrorf(arg, "a whole number is required")
	}
	return int(i), nil
}
