package plans

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/agent0-converge/agent0-converge/engine"
)

var listType = reflect.TypeFor[engine.List]()

// listCodec takes a list of scalars, or one.
func listCodec() codec {
	return codec{
		typ: cty.DynamicPseudoType,
		set: func(dst reflect.Value, v cty.Value, _ bool) error {
			l, err := listOf(v)
			dst.Set(reflect.ValueOf(l))
			return err
		},
		get: func(src reflect.Value) cty.Value { return listValue(src.Interface().(engine.List)) },
	}
}

// listMapCodec takes an object whose attributes are lists of scalars, or one each. It is no map to
// the plan language: what one attribute is says nothing of the next.
func listMapCodec(t reflect.Type) codec {
	set := func(dst reflect.Value, v cty.Value, _ bool) error {
		if !v.Type().IsObjectType() && !v.Type().IsMapType() {
			return errors.New("an object is required, as in { NAME = VALUE }")
		}
		m := reflect.MakeMapWithSize(t, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			if e.IsNull() {
				continue // null is left out, here as everywhere
			}
			l, err := listOf(e)
			if err != nil {
				return deeper(key, err)
			}
			m.SetMapIndex(reflect.ValueOf(key.AsString()).Convert(t.Key()), reflect.ValueOf(l))
		}
		dst.Set(m)
		return nil
	}
	get := func(src reflect.Value) cty.Value {
		vs := make(map[string]cty.Value, src.Len())
		for it := src.MapRange(); it.Next(); {
			vs[it.Key().String()] = listValue(it.Value().Interface().(engine.List))
		}
		return cty.ObjectVal(vs)
	}
	return codec{typ: cty.DynamicPseudoType, set: set, get: get}
}

// deeper is err at one step further in.
func deeper(key cty.Value, err error) error {
	var at cty.PathError
	if errors.As(err, &at) {
		return append(cty.IndexPath(key), at.Path...).NewErrorf("%s", at.Error())
	}
	return cty.IndexPath(key).NewError(err)
}

func listOf(v cty.Value) (engine.List, error) {
	t := v.Type()
	if !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
		s, err := scalar(v)
		if err != nil {
			return nil, err
		}
		return engine.List{s}, nil
	}
	l := make(engine.List, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		key, e := it.Element()
		if e.IsNull() {
			return nil, cty.IndexPath(key).NewErrorf("null cannot be an element of a list")
		}
		s, err := scalar(e)
		if err != nil {
			return nil, cty.IndexPath(key).NewError(err)
		}
		l = append(l, s)
	}
	return l, nil
}

func scalar(v cty.Value) (string, error) {
	if !v.Type().IsPrimitiveType() {
		return "", fmt.Errorf("a string, a number, a bool, or a list of these is required, not %s", v.Type().FriendlyName())
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", err
	}
	return s.AsString(), nil
}

func listValue(l engine.List) cty.Value {
	if len(l) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	vs := make([]cty.Value, len(l))
	for i, s := range l {
		vs[i] = cty.StringVal(s)
	}
	return cty.ListVal(vs)
}
