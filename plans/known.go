package plans

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Known is what one variable was when its plan was applied. Of a sensitive one it says no more than
// where its value came from: that is read there again.
type Known struct {
	// Value is the value with its type, as JSON; it is empty for a sensitive variable.
	Value json.RawMessage `json:"value,omitempty"`
	// Environ is the environment variable, and File the file of values, that a sensitive variable's
	// value is from. Without both it is the plan's own default.
	Environ string `json:"environ,omitempty"`
	File    string `json:"file,omitempty"`
	// Ref is the reference that stands for a sensitive variable's value.
	Ref string `json:"ref,omitempty"`
}

// Known tells what the plan's variables are, so that the plan can be read again with them. ref
// returns the reference that stands for a secret.
func (p *Plan) Known(ref func(secret string) (string, error)) (map[string]Known, error) {
	out := make(map[string]Known, len(p.variables))
	for _, v := range p.variables {
		k, err := p.known(v, ref)
		if err != nil {
			return nil, fmt.Errorf("cannot keep var.%s: %w", v.name, err)
		}
		out[v.name] = k
	}
	return out, nil
}

func (p *Plan) known(v *variable, ref func(string) (string, error)) (k Known, err error) {
	if !v.sensitive {
		bare, _ := v.value.UnmarkDeep()
		k.Value, err = ctyjson.SimpleJSONValue{Value: bare}.MarshalJSON()
		return k, err
	}
	if v.file != "" {
		if k.File, err = p.disk.Abs(v.file); err != nil {
			return k, err
		}
	} else if strings.HasPrefix(v.from, envPrefix) {
		k.Environ = v.from
	}
	k.Ref, err = refOf(v.value, ref)
	return k, err
}

// refOf is the reference of a sensitive variable's value: of a string itself, so that whoever keeps
// references knows that string for a secret; of anything else as JSON.
func refOf(v cty.Value, ref func(string) (string, error)) (string, error) {
	v, _ = v.UnmarkDeep()
	if v.Type() == cty.String && !v.IsNull() {
		return ref(v.AsString())
	}
	b, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
	if err != nil {
		return "", err
	}
	return ref(string(b))
}

// knownValues are the values of the variables where these are known. A variable that the plan has
// and nobody knows keeps its default.
func (l *loader) knownValues() map[string]given {
	out := map[string]given{}
	for name, k := range l.in.Known {
		v := l.variableByName[name]
		if v == nil {
			continue
		}
		switch {
		case len(k.Value) > 0:
			var said ctyjson.SimpleJSONValue
			if err := said.UnmarshalJSON(k.Value); err != nil {
				l.errorf(v.at, nil, "Unreadable value", "The value of var.%s that was kept cannot be read: %s.", name, err)
				continue
			}
			out[name] = given{from: "the last apply", expr: hcl.StaticExpr(said.Value, v.at)}
		case k.Environ != "":
			out[name] = l.knownEnviron(k)
		case k.File != "":
			out[name] = l.knownFile(name, k)
		}
	}
	return out
}

func (l *loader) knownEnviron(k Known) given {
	for _, kv := range l.in.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name == k.Environ {
			return given{from: k.Environ, text: value}
		}
	}
	return given{from: k.Environ, gone: "the environment has no " + k.Environ}
}

// knownFile looks for a sensitive variable where it was. The file is a live one: it may be gone, or
// be in the middle of an edit.
func (l *loader) knownFile(name string, k Known) given {
	out := given{from: filepath.ToSlash(k.File), file: k.File, gone: k.File + " is gone"}
	src, err := disk{}.readFile(k.File)
	if err != nil {
		return out
	}
	out.gone = k.File + " no longer sets it"
	f, diags := parseFile(src, k.File)
	if diags.HasErrors() || f == nil {
		out.gone = k.File + " is not valid"
		return out
	}
	if attrs, _ := f.Body.JustAttributes(); attrs[name] != nil {
		out.expr, out.at, out.gone = attrs[name].Expr, attrs[name].NameRange, ""
	}
	return out
}

// lost makes v a value that is not at hand, which defers all that needs it.
func (l *loader) lost(v *variable, why string) {
	v.gone = true
	v.value = cty.UnknownVal(v.typ.WithoutOptionalAttributesDeep()).Mark(sensitive).
		Mark(reason{fact: fmt.Sprintf("var.%s (%s)", v.name, why)})
}

// changed says that the secret v is no longer what it was, or "".
func (l *loader) changed(v *variable) string {
	k, ok := l.in.Known[v.name]
	if l.call != nil || !ok || !v.sensitive || k.Ref == "" {
		return ""
	}
	ref, err := refOf(v.value, l.in.Ref)
	switch {
	case err != nil:
		return "its value cannot be compared: " + err.Error()
	case ref != k.Ref:
		return "its value changed since it was applied"
	}
	return ""
}
