package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
)

// Text is an attribute's value that may be a secret, or as long as a file. Formatting and
// marshalling it tells its size or its reference, never what it says: that takes Reveal.
type Text struct {
	// A pointer, since fmt shows an unexported Text inside another struct field by field.
	value   *string
	secret  bool
	ref     string // what the journal calls it, once it was recorded
	missing bool   // read from a journal that keeps only ref
}

// MaxText is how long a Text may be: it is held in memory and journalled for undo.
const MaxText = 64 << 20

// NewText returns a Text that may be shown in a diff.
func NewText(s string) *Text { return &Text{value: &s} }

// NewSecret returns a Text that nothing may show.
func NewSecret(s string) *Text { return &Text{value: &s, secret: true} }

// Reveal returns the value.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Secret reports whether the value must not be shown.
func (t Text) Secret() bool { return t.secret }

// Missing reports that only the reference is at hand.
func (t Text) Missing() bool { return t.missing }

// Ref is the reference that stands for the value in a journal: "sha256:…" of what may be
// shown, "hmac-sha256:…" under the host's key of a secret. It is empty before Seal.
func (t Text) Ref() string { return t.ref }

// Equal compares what the texts say; where one is at hand by its reference alone, the references.
func (t Text) Equal(o Text) bool {
	if t.missing || o.missing {
		return t.ref != "" && t.ref == o.ref
	}
	return t.Reveal() == o.Reveal()
}

func (t Text) String() string {
	switch {
	case t.secret:
		return "(secret)"
	case t.missing:
		return "(" + t.ref + ")"
	}
	if len(t.Reveal()) == 1 {
		return "(1 byte)"
	}
	return fmt.Sprintf("(%d bytes)", len(t.Reveal()))
}

// Format keeps every verb, %#v and %x among them, from showing the value.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

type recordedText struct {
	Ref    string `json:"ref"`
	Secret bool   `json:"secret,omitempty"`
}

// MarshalJSON writes the reference.
func (t Text) MarshalJSON() ([]byte, error) {
	return json.Marshal(recordedText{Ref: t.ref, Secret: t.secret})
}

// UnmarshalJSON reads a reference; the value is missing until Unseal.
func (t *Text) UnmarshalJSON(b []byte) error {
	var r recordedText
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	*t = Text{ref: r.Ref, secret: r.Secret, missing: true}
	return nil
}

// Seal gives every Text in spec, a pointer to a kind's struct, the reference that ref says.
func Seal(spec any, ref func(Text) (string, error)) error {
	return eachText(reflect.ValueOf(spec), func(t *Text) (err error) {
		if !t.missing {
			t.ref, err = ref(*t)
		}
		return err
	})
}

// Unseal fills in every missing Text in spec with what fetch returns for its reference.
// A reference that fetch does not know (ok is false) stays missing.
func Unseal(spec any, fetch func(ref string) (value string, ok bool, err error)) error {
	return eachText(reflect.ValueOf(spec), func(t *Text) error {
		if !t.missing {
			return nil
		}
		value, ok, err := fetch(t.ref)
		if ok && err == nil {
			t.value, t.missing = &value, false
		}
		return err
	})
}

// refill takes what want lacks, and the host still has, from there: a change of a file's mode can be
// taken back though its secret content was not kept.
func refill(want, have any) error {
	there := map[string]string{}
	err := eachText(reflect.ValueOf(have), func(t *Text) error {
		if t.ref != "" && !t.missing {
			there[t.ref] = t.Reveal()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return Unseal(want, func(ref string) (string, bool, error) {
		value, ok := there[ref]
		return value, ok, nil
	})
}

// Complete returns an error if a Text in spec is at hand by its reference alone.
func Complete(spec any) error {
	return eachText(reflect.ValueOf(spec), func(t *Text) error {
		if t.missing {
			return fmt.Errorf("the content %s is no longer kept", t.ref)
		}
		return nil
	})
}

// HasSecret reports whether a Text in spec is a secret.
func HasSecret(spec any) bool {
	found := false
	// The callback returns no error, so neither does the walk.
	_ = eachText(reflect.ValueOf(spec), func(t *Text) error { found = found || t.secret; return nil })
	return found
}

var textType = reflect.TypeFor[Text]()

// eachText calls f for every Text below v, which is a pointer or is addressable.
func eachText(v reflect.Value, f func(*Text) error) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return eachText(v.Elem(), f)
	case reflect.Struct:
		if v.Type() == textType {
			return f(v.Addr().Interface().(*Text))
		}
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if err := eachText(v.Field(i), f); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if !mayHoldText(v.Type().Elem()) {
			return nil
		}
		for i := range v.Len() {
			if err := eachText(v.Index(i), f); err != nil {
				return err
			}
		}
	case reflect.Map:
		return eachTextInMap(v, f)
	}
	return nil
}

// eachTextInMap copies each value out and back: map elements are not addressable.
func eachTextInMap(v reflect.Value, f func(*Text) error) error {
	if !mayHoldText(v.Type().Elem()) {
		return nil
	}
	for _, key := range v.MapKeys() {
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.Set(v.MapIndex(key))
		if err := eachText(elem, f); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
	}
	return nil
}

func mayHoldText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return mayHoldText(t.Elem())
	}
	return t.Kind() == reflect.Struct
}
