package engine

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// FieldDiff is one attribute in which a host is not as wanted.
type FieldDiff struct {
	// Name is the attribute, with its key where it is a map: `values["PORT"]`.
	Name string `json:"name"`
	// Have and Want are the values as shown. A secret is never in them.
	Have string `json:"have"`
	Want string `json:"want"`
	// Long says that Have and Want are texts of many lines, to be shown as a diff.
	Long bool `json:"long,omitempty"`
	// Secret says that a secret is part of what differs.
	Secret bool `json:"secret,omitempty"`
	// Cause says who moved, once Causes was asked. A kind says it only of what follows from something
	// else, as a restart does.
	Cause Cause `json:"cause,omitempty"`
}

// field is one attribute, label or block of a kind's struct, or (host) what only the host knows.
type field struct {
	name  string
	index int
	host  bool // has no hcl tag: recorded for undo, never compared
	input bool // tagged diff:"-": says how to get there, is no state of the host
	moves bool // tagged stale:"-": may move by itself, which keeps nobody from an undo
}

// fieldsOf lists a struct's exported fields. The tags are hcl:"name,…" for what a plan says,
// record:"name" for what only the host knows, diff:"-" for what is not compared (of what only the host
// knows, not even by an undo), stale:"-" for what may move by itself, as the state of a service that crashed.
func fieldsOf(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("hcl"), ",")
		known := field{name: name, index: i, input: f.Tag.Get("diff") == "-", moves: f.Tag.Get("stale") == "-"}
		if name == "" {
			known.name, known.host = f.Tag.Get("record"), true
		}
		if known.name != "" {
			fs = append(fs, known)
		}
	}
	return fs
}

// diffFields compares field by field. A zero field of want is left alone.
func (k *Kind) diffFields(have, want any) []FieldDiff {
	var out []FieldDiff
	hv, wv := reflect.ValueOf(have).Elem(), reflect.ValueOf(want).Elem()
	for _, f := range k.fields {
		if !f.host && !f.input {
			out = diffValue(out, f.name, hv.Field(f.index), wv.Field(f.index))
		}
	}
	return out
}

func diffValue(out []FieldDiff, name string, have, want reflect.Value) []FieldDiff {
	switch {
	case want.IsZero():
		return out
	case want.Type() == textType:
		return diffText(out, name, have.Interface().(Text), want.Interface().(Text))
	case want.Kind() == reflect.Pointer && !have.IsNil():
		// What is pointed to was said on purpose: its zero is compared too.
		if e := want.Elem(); e.Kind() != reflect.Struct && e.IsZero() && !have.Elem().IsZero() {
			return append(out, FieldDiff{Name: name, Have: show(have), Want: show(want)})
		}
		return diffValue(out, name, have.Elem(), want.Elem())
	case want.Kind() == reflect.Map:
		return diffMap(out, name, have, want)
	case want.Kind() == reflect.Struct:
		for _, f := range fieldsOf(want.Type()) {
			out = diffValue(out, name+"."+f.name, have.Field(f.index), want.Field(f.index))
		}
		return out
	case reflect.DeepEqual(have.Interface(), want.Interface()):
		return out
	}
	return append(out, FieldDiff{Name: name, Have: show(have), Want: show(want)})
}

func diffMap(out []FieldDiff, name string, have, want reflect.Value) []FieldDiff {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{have, want} {
		for _, k := range m.MapKeys() {
			keys[k.String()] = k
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		h, w, n := have.MapIndex(keys[key]), want.MapIndex(keys[key]), entryName(name, key, want.Type())
		switch {
		case !h.IsValid():
			out = append(out, FieldDiff{Name: n, Want: show(w), Secret: isSecret(w)})
		case !w.IsValid():
			out = append(out, FieldDiff{Name: n, Have: show(h), Secret: isSecret(h)})
		case w.IsZero() && !h.IsZero():
			out = append(out, FieldDiff{Name: n, Have: show(h), Want: show(w)})
		default:
			out = diffValue(out, n, h, w)
		}
	}
	return out
}

// entryName is how the entry key of the map that name is, is called: service.After of a map of lists,
// whose keys are names too, and values["KEY"] of any other.
func entryName(name, key string, t reflect.Type) string {
	if t.Elem() == listType {
		return name + "." + key
	}
	return fmt.Sprintf("%s[%q]", name, key)
}

func diffText(out []FieldDiff, name string, have, want Text) []FieldDiff {
	switch {
	case have.Equal(want):
		return out
	case have.secret || want.secret:
		return append(out, FieldDiff{Name: name, Have: "(secret)", Want: "(secret, differs)", Secret: true})
	case have.missing || want.missing:
		return append(out, FieldDiff{Name: name, Have: have.String(), Want: want.String()})
	}
	return append(out, FieldDiff{Name: name, Have: have.Reveal(), Want: want.Reveal(), Long: true})
}

func isSecret(v reflect.Value) bool {
	t, ok := v.Interface().(Text)
	return ok && t.secret
}

// describe lists what want says, as the fields of a thing that is not there yet.
func (k *Kind) describe(want any) []FieldDiff {
	var out []FieldDiff
	v := reflect.ValueOf(want).Elem()
	for _, f := range k.fields {
		switch fv := v.Field(f.index); {
		case f.host || f.input || fv.IsZero():
		case fv.Kind() == reflect.Map:
			out = diffMap(out, f.name, reflect.Zero(fv.Type()), fv)
		case labelOf(fv.Type()) >= 0:
			out = describeBlocks(out, f.name, fv)
		default:
			out = append(out, FieldDiff{Name: f.name, Want: show(fv)})
		}
	}
	return out
}

// describeBlocks lists what labelled blocks say: dropin.50-limits.service.MemoryMax.
func describeBlocks(out []FieldDiff, name string, blocks reflect.Value) []FieldDiff {
	label := labelOf(blocks.Type())
	for i := range blocks.Len() {
		b := blocks.Index(i)
		for _, f := range fieldsOf(b.Type()) {
			fv, at := b.Field(f.index), name+"."+b.Field(label).String()+"."+f.name
			switch {
			case f.index == label || f.input || fv.IsZero():
			case fv.Kind() == reflect.Map:
				out = diffMap(out, at, reflect.Zero(fv.Type()), fv)
			default:
				out = append(out, FieldDiff{Name: at, Want: show(fv)})
			}
		}
	}
	return out
}

// labelOf is the index of the label in the structs of a list of labelled blocks, -1 for anything else.
func labelOf(t reflect.Type) int {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Struct {
		return -1
	}
	for i := range t.Elem().NumField() {
		if _, what, _ := strings.Cut(t.Elem().Field(i).Tag.Get("hcl"), ","); what == "label" {
			return i
		}
	}
	return -1
}

// shortText is the longest text that is shown rather than counted.
const shortText = 60

// show formats a value for people: strings as they are, lists and maps as a plan writes them.
func show(v reflect.Value) string {
	if t, ok := v.Interface().(Text); ok && !t.secret && !t.missing {
		if s := t.Reveal(); s != "" && len(s) <= shortText && !strings.ContainsAny(s, "\r\n") {
			return s
		}
	}
	if l, ok := v.Interface().(List); ok {
		return l.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return show(v.Elem())
	case reflect.String:
		return v.String()
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = show(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		return showMap(v)
	}
	return fmt.Sprint(v.Interface())
}

func showMap(v reflect.Value) string {
	var parts []string
	for _, k := range v.MapKeys() {
		parts = append(parts, k.String()+" = "+show(v.MapIndex(k)))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

// adopt copies the fields named in ignore from have to a copy of want, so that Apply leaves them.
func (k *Kind) adopt(have, want any, ignore []string) any {
	if len(ignore) == 0 || have == nil || want == nil {
		return want
	}
	out := k.copied(want)
	for _, f := range k.fields {
		if slices.Contains(ignore, f.name) {
			reflect.ValueOf(out).Elem().Field(f.index).Set(reflect.ValueOf(have).Elem().Field(f.index))
		}
	}
	return out
}

// copied returns a copy of spec: what one is told later, the other is not.
func (k *Kind) copied(spec any) any {
	out := reflect.New(k.spec)
	out.Elem().Set(reflect.ValueOf(spec).Elem())
	return out.Interface()
}
