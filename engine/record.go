package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Recorded is a kind's struct as a journal keeps it: attribute by attribute, texts by reference.
type Recorded map[string]json.RawMessage

// Encode returns spec as a journal keeps it, or nil for a nil spec. Seal it first.
func (k *Kind) Encode(spec any) (Recorded, error) {
	if spec == nil {
		return nil, nil
	}
	return encodeStruct(reflect.ValueOf(spec).Elem(), k.fields)
}

func encodeStruct(v reflect.Value, fields []field) (Recorded, error) {
	out := Recorded{} // most fields are zero
	for _, f := range fields {
		fv := v.Field(f.index)
		if fv.IsZero() {
			continue
		}
		b, err := encodeValue(fv)
		if err != nil {
			return nil, fmt.Errorf("cannot record %s: %w", f.name, err)
		}
		out[f.name] = b
	}
	return out, nil
}

// appendTo appends what encoding/json makes of r, less the second look that it takes at each value:
// every resource of a run is told by this.
func (r Recorded) appendTo(b []byte) []byte {
	if r == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(r)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, name), ':')
		b = append(b, r[name]...)
	}
	return append(b, '}')
}

// encodeValue writes nested blocks by their hcl names too; everything else as encoding/json does.
func encodeValue(v reflect.Value) ([]byte, error) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct && v.Type() != textType {
		r, err := encodeStruct(v, fieldsOf(v.Type()))
		if err != nil {
			return nil, err
		}
		return json.Marshal(r)
	}
	return json.Marshal(v.Interface())
}

// Decode returns the spec that r was made from; its texts are missing until Unseal. An attribute
// that this version does not know is an error: acting on half a spec would be guessing.
func (k *Kind) Decode(r Recorded) (any, error) {
	if r == nil {
		return nil, nil
	}
	spec := reflect.New(k.spec)
	if err := decodeStruct(r, spec.Elem(), k.fields); err != nil {
		return nil, fmt.Errorf("cannot read the record of a %s: %w", k.name, err)
	}
	return spec.Interface(), nil
}

func decodeStruct(r Recorded, v reflect.Value, fields []field) error {
	known := 0
	for _, f := range fields {
		raw, ok := r[f.name]
		if !ok {
			continue
		}
		known++
		if err := decodeValue(raw, v.Field(f.index)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if known != len(r) {
		return fmt.Errorf("it has %d attributes that this version does not know", len(r)-known)
	}
	return nil
}

func decodeValue(raw json.RawMessage, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct && v.Type() != textType {
		var r Recorded
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		return decodeStruct(r, v, fieldsOf(v.Type()))
	}
	return json.Unmarshal(raw, v.Addr().Interface())
}

// Equal reports whether r and o record the same.
func (r Recorded) Equal(o Recorded) bool {
	if (r == nil) != (o == nil) || len(r) != len(o) {
		return false
	}
	for name, raw := range r {
		if other, ok := o[name]; !ok || !bytes.Equal(raw, other) {
			return false
		}
	}
	return true
}

// counting is r without what only says how to get there, and if it is to be still also without what
// may move by itself.
func (k *Kind) counting(r Recorded, still bool) Recorded {
	out := maps.Clone(r)
	for _, f := range k.fields {
		if f.host && f.input || still && f.moves {
			delete(out, f.name)
		}
	}
	return out
}

// DiffRecorded lists the attributes in which want is not as have, in the order of the kind's struct.
func (k *Kind) DiffRecorded(have, want Recorded) []FieldDiff {
	var out []FieldDiff
	for _, f := range k.fields {
		if h, w := have[f.name], want[f.name]; !bytes.Equal(h, w) {
			out = append(out, FieldDiff{Name: f.name, Have: brief(h), Want: brief(w)})
		}
	}
	return out
}

// brief shows a recorded attribute: a string without quotes, a text as what it is.
func brief(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var t Text
	if json.Unmarshal(raw, &t) == nil && t.ref != "" {
		return t.String()
	}
	return string(raw)
}
