package plans

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"

	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// codec takes values of one Go type out of expressions and back.
type codec struct {
	// typ is what an expression is converted to before set sees it.
	typ cty.Type
	// text says that the type may hold secrets.
	text bool
	// set stores v, which is known, not null and of typ. secret says that it came out of
	// something sensitive.
	set func(dst reflect.Value, v cty.Value, secret bool) error
	get func(src reflect.Value) cty.Value
}

// codecOf returns the codec of t, or an error where plans have no such type.
func codecOf(t reflect.Type) (codec, error) {
	if t == reflect.TypeFor[engine.Text]() {
		return textCodec(), nil
	}
	if t == listType {
		return listCodec(), nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return pointerCodec(t)
	case reflect.Slice:
		return sliceCodec(t)
	case reflect.Map:
		return mapCodec(t)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anyCodec(), nil
		}
	case reflect.String, reflect.Bool:
		return plainCodec(t), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intCodec(), nil
	case reflect.Float32, reflect.Float64:
		return floatCodec(), nil
	}
	return codec{}, fmt.Errorf("plans have no type for %s", t)
}

func plainCodec(t reflect.Type) codec {
	if t.Kind() == reflect.Bool {
		return codec{
			typ: cty.Bool,
			set: func(dst reflect.Value, v cty.Value, _ bool) error { dst.SetBool(v.True()); return nil },
			get: func(src reflect.Value) cty.Value { return cty.BoolVal(src.Bool()) },
		}
	}
	return codec{
		typ: cty.String,
		set: func(dst reflect.Value, v cty.Value, _ bool) error { dst.SetString(v.AsString()); return nil },
		get: func(src reflect.Value) cty.Value { return cty.StringVal(src.String()) },
	}
}

func intCodec() codec {
	return codec{
		typ: cty.Number,
		set: func(dst reflect.Value, v cty.Value, _ bool) error {
			i, exact := v.AsBigFloat().Int64()
			if exact != big.Exact || dst.OverflowInt(i) {
				return fmt.Errorf("a whole number of at most %d bits is required", dst.Type().Bits())
			}
			dst.SetInt(i)
			return nil
		},
		get: func(src reflect.Value) cty.Value { return cty.NumberIntVal(src.Int()) },
	}
}

func floatCodec() codec {
	return codec{
		typ: cty.Number,
		set: func(dst reflect.Value, v cty.Value, _ bool) error {
			f, _ := v.AsBigFloat().Float64()
			if dst.OverflowFloat(f) {
				return errors.New("the number is too large")
			}
			dst.SetFloat(f)
			return nil
		},
		get: func(src reflect.Value) cty.Value { return number(src.Float()) },
	}
}

func textCodec() codec {
	return codec{
		typ: cty.String, text: true,
		set: func(dst reflect.Value, v cty.Value, secret bool) error {
			t := engine.NewText(v.AsString())
			if secret {
				t = engine.NewSecret(v.AsString())
			}
			dst.Set(reflect.ValueOf(*t))
			return nil
		},
		get: func(src reflect.Value) cty.Value {
			t := src.Interface().(engine.Text)
			if t.Missing() {
				return cty.NullVal(cty.String)
			}
			v := cty.StringVal(t.Reveal())
			if t.Secret() {
				v = v.Mark(sensitive)
			}
			return v
		},
	}
}

func pointerCodec(t reflect.Type) (codec, error) {
	elem, err := codecOf(t.Elem())
	if err != nil {
		return codec{}, err
	}
	return codec{
		typ: elem.typ, text: elem.text,
		set: func(dst reflect.Value, v cty.Value, secret bool) error {
			p := reflect.New(t.Elem())
			dst.Set(p)
			return elem.set(p.Elem(), v, secret)
		},
		get: func(src reflect.Value) cty.Value {
			if src.IsNil() {
				return cty.NullVal(elem.typ)
			}
			return elem.get(src.Elem())
		},
	}, nil
}

func sliceCodec(t reflect.Type) (codec, error) {
	elem, err := codecOf(t.Elem())
	if err != nil {
		return codec{}, err
	}
	set := func(dst reflect.Value, v cty.Value, secret bool) error {
		s := reflect.MakeSlice(t, v.LengthInt(), v.LengthInt())
		i := 0
		for it := v.ElementIterator(); it.Next(); i++ {
			key, e := it.Element()
			e, hidden := open(e, secret)
			if e.IsNull() {
				return cty.IndexPath(key).NewErrorf("null cannot be an element of a list")
			}
			if err := elem.set(s.Index(i), e, hidden); err != nil {
				return cty.IndexPath(key).NewError(err)
			}
		}
		dst.Set(s)
		return nil
	}
	get := func(src reflect.Value) cty.Value {
		if src.Len() == 0 {
			return cty.ListValEmpty(elem.typ)
		}
		vs := make([]cty.Value, src.Len())
		for i := range vs {
			vs[i] = elem.get(src.Index(i))
		}
		if elem.typ == cty.DynamicPseudoType {
			return cty.TupleVal(vs)
		}
		return cty.ListVal(vs)
	}
	return codec{typ: cty.List(elem.typ), text: elem.text, set: set, get: get}, nil
}

func mapCodec(t reflect.Type) (codec, error) {
	elem, err := codecOf(t.Elem())
	if err != nil || t.Key().Kind() != reflect.String {
		return codec{}, errors.Join(err, fmt.Errorf("plans have no type for %s", t))
	}
	if t.Elem() == listType {
		return listMapCodec(t), nil
	}
	if elem.typ == cty.DynamicPseudoType {
		return freeCodec(t), nil
	}
	set := func(dst reflect.Value, v cty.Value, secret bool) error {
		m := reflect.MakeMapWithSize(t, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			e, hidden := open(e, secret)
			if e.IsNull() {
				continue // null is left out, here as everywhere
			}
			p := reflect.New(t.Elem()).Elem()
			if err := elem.set(p, e, hidden); err != nil {
				return cty.IndexPath(key).NewError(err)
			}
			m.SetMapIndex(reflect.ValueOf(key.AsString()).Convert(t.Key()), p)
		}
		dst.Set(m)
		return nil
	}
	get := func(src reflect.Value) cty.Value {
		if src.Len() == 0 {
			return cty.MapValEmpty(elem.typ)
		}
		vs := make(map[string]cty.Value, src.Len())
		for it := src.MapRange(); it.Next(); {
			vs[it.Key().String()] = elem.get(it.Value())
		}
		return cty.MapVal(vs)
	}
	return codec{typ: cty.Map(elem.typ), text: elem.text, set: set, get: get}, nil
}

// open takes the marks off v; secret stays true once it is.
func open(v cty.Value, secret bool) (cty.Value, bool) {
	if !v.IsMarked() {
		return v, secret
	}
	secret = secret || v.HasMark(sensitive)
	v, _ = v.Unmark()
	return v, secret
}
