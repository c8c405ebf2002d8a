package plans

import (
	"fmt"
	"math"
	"reflect"

	"github.com/zclconf/go-cty/cty"
)

// anyCodec takes whatever a plan says.
func anyCodec() codec {
	return codec{
		typ: cty.DynamicPseudoType,
		set: func(dst reflect.Value, v cty.Value, _ bool) error {
			x, err := goValue(v)
			if err == nil && x != nil {
				dst.Set(reflect.ValueOf(x))
			}
			return err
		},
		get: func(src reflect.Value) cty.Value { return ctyValue(src.Interface()) },
	}
}

// freeCodec takes an object whose attributes are anything.
func freeCodec(t reflect.Type) codec {
	set := func(dst reflect.Value, v cty.Value, _ bool) error {
		if !v.Type().IsObjectType() && !v.Type().IsMapType() {
			return fmt.Errorf("an object is required")
		}
		m := reflect.MakeMap(t)
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			x, err := goValue(e)
			if err != nil {
				return cty.IndexPath(key).NewError(err)
			}
			if x != nil {
				m.SetMapIndex(reflect.ValueOf(key.AsString()).Convert(t.Key()), reflect.ValueOf(x))
			}
		}
		dst.Set(m)
		return nil
	}
	get := func(src reflect.Value) cty.Value {
		vs := make(map[string]cty.Value, src.Len())
		for it := src.MapRange(); it.Next(); {
			vs[it.Key().String()] = ctyValue(it.Value().Interface())
		}
		return cty.ObjectVal(vs)
	}
	return codec{typ: cty.DynamicPseudoType, set: set, get: get}
}

// goValue is v as nil, bool, string, int64, float64, []any and map[string]any.
func goValue(v cty.Value) (any, error) {
	v, _ = v.Unmark()
	switch t := v.Type(); {
	case v.IsNull():
		return nil, nil
	case t == cty.String:
		return v.AsString(), nil
	case t == cty.Bool:
		return v.True(), nil
	case t == cty.Number:
		return goNumber(v)
	case t.IsListType(), t.IsSetType(), t.IsTupleType():
		out := []any{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			x, err := goValue(e)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	case t.IsMapType(), t.IsObjectType():
		out := make(map[string]any, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			x, err := goValue(e)
			if err != nil {
				return nil, err
			}
			out[key.AsString()] = x
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s is no plain data", v.Type().FriendlyName())
}

func goNumber(v cty.Value) (any, error) {
	bf := v.AsBigFloat()
	if bf.IsInt() {
		if i, exact := bf.Int64(); exact == 0 {
			return i, nil
		}
	}
	f, _ := bf.Float64()
	if math.IsInf(f, 0) {
		return nil, fmt.Errorf("the number is too large")
	}
	return f, nil
}

// number is cty's number, null where f is none: cty panics on NaN.
func number(f float64) cty.Value {
	if math.IsNaN(f) {
		return cty.NullVal(cty.Number)
	}
	return cty.NumberFloatVal(f)
}

// ctyValue is the way back from goValue; it takes any Go data made of the plain types.
func ctyValue(x any) cty.Value {
	if x == nil {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.String:
		return cty.StringVal(v.String())
	case reflect.Bool:
		return cty.BoolVal(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cty.NumberIntVal(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return cty.NumberUIntVal(v.Uint())
	case reflect.Float32, reflect.Float64:
		return number(v.Float())
	case reflect.Slice, reflect.Array:
		vs := make([]cty.Value, v.Len())
		for i := range vs {
			vs[i] = ctyValue(v.Index(i).Interface())
		}
		return cty.TupleVal(vs)
	case reflect.Map:
		vs := make(map[string]cty.Value, v.Len())
		for it := v.MapRange(); it.Next(); {
			vs[it.Key().String()] = ctyValue(it.Value().Interface())
		}
		return cty.ObjectVal(vs)
	case reflect.Pointer:
		if !v.IsNil() {
			return ctyValue(v.Elem().Interface())
		}
	}
	return cty.NullVal(cty.DynamicPseudoType)
}
