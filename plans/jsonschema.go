package plans

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/agent0-converge/agent0-converge/engine"
)

// About says what a kind means, or what the attribute at a path within it means; "" is not known.
type About func(kind string, path ...string) string

// JSONSchema describes plans that are written in JSON (*.hcl.json) by a JSON Schema of 2020-12, for
// editors and for programs that write plans. How blocks and expressions look in JSON is HCL's to say:
// https://github.com/hashicorp/hcl/blob/main/json/spec.md.
func JSONSchema(kinds []*engine.Kind, about About) (map[string]any, error) {
	d := describer{}
	properties := d.languageBlocks()
	for _, k := range kinds {
		s, err := schemaOf(k.Type(), metaFields())
		if err != nil {
			return nil, fmt.Errorf("cannot describe %s: %w", k.Name(), err)
		}
		d.body(k.Name(), s, func(path ...string) string { return about(k.Name(), path...) })
		properties[k.Name()] = described(d.labelled(k.Name(), "name", 1, 0), about(k.Name()))
	}
	d["plan"] = jsonObject(properties)
	d.values()
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "agent0-converge plan",
		"anyOf":   []any{defined("plan"), map[string]any{"type": "array", "items": defined("plan")}},
		"$defs":   d,
	}, nil
}

// describer collects the definitions of a schema: the bodies of blocks by their paths, and values.
type describer map[string]any

// languageBlocks are the blocks of the language itself.
func (d describer) languageBlocks() map[string]any {
	out := map[string]any{"locals": described(oneOrMany(map[string]any{"type": "object"}, 0), ownWords("locals"))}
	for _, b := range []struct {
		name   string
		labels int
		fields []*field
	}{
		{"plan", 0, planFields()}, {"variable", 1, variableFields()}, {"output", 1, outputFields()},
		{"check", 1, checkFields()}, {"module", 1, callFields()},
	} {
		d.body(b.name+"-block", fixedSchema(b.fields), ownWords)
		out[b.name] = described(d.labelled(b.name+"-block", "name", b.labels, 0), ownWords(b.name))
	}
	check, module := d["check-block"].(map[string]any), d["module-block"].(map[string]any)
	check["required"], module["required"] = []string{"assert"}, []string{"source"}
	module["additionalProperties"] = map[string]any{"description": "The value of the module's variable of this name."}
	return out
}

// body defines the body of one block.
func (d describer) body(name string, s *schema, about func(path ...string) string) {
	properties, dynamic := map[string]any{}, map[string]any{}
	body := jsonObject(properties)
	var required []string
	var either []any
	for _, f := range s.fields {
		of := about
		if f.index < 0 {
			of = ownWords
		}
		switch {
		case f.label:
		case f.block != nil:
			properties[f.name] = described(d.nested(name, f, of), of(f.name))
			if f.index >= 0 {
				dynamic[f.name] = oneOrMany(d.dynamic(name, f), 0)
			}
			if f.required {
				either = append(either, map[string]any{"anyOf": []any{
					map[string]any{"required": []string{f.name}}, map[string]any{"required": []string{"dynamic"}},
				}})
			}
		case f.required:
			required = append(required, f.name)
			properties[f.name] = described(jsonField(s, f), of(f.name))
		default:
			properties[f.name] = described(map[string]any{"anyOf": []any{jsonField(s, f), map[string]any{"type": "null"}}}, of(f.name))
		}
	}
	if len(dynamic) > 0 {
		properties["dynamic"] = described(oneOrMany(jsonObject(dynamic), 0), "Nested blocks, one for each element of for_each.")
	}
	if len(required) > 0 {
		body["required"] = required
	}
	if len(either) > 0 {
		body["allOf"] = either
	}
	d[name] = body
}

// nestedName is the definition of a block in the one that is called outer.
func nestedName(outer string, f *field) string {
	if f.index < 0 {
		return f.name + "-block"
	}
	return outer + "." + f.name
}

func (d describer) nested(outer string, f *field, about func(path ...string) string) map[string]any {
	name := nestedName(outer, f)
	d.body(name, f.block, func(path ...string) string { return about(append([]string{f.name}, path...)...) })
	most := 0
	if !f.repeated {
		most = 1
	}
	return d.labelled(name, "any", len(f.block.labels), most) // labels of nested blocks need not be names
}

// dynamic defines what repeats a block.
func (d describer) dynamic(outer string, f *field) map[string]any {
	name := nestedName(outer, f)
	repeat := jsonObject(map[string]any{
		"for_each": true, "iterator": defined("words"), "labels": map[string]any{"type": "array"}, "content": oneOrMany(defined(name), 1),
	})
	repeat["required"] = []string{"for_each", "content"}
	d[name+"-repeated"] = repeat
	return defined(name + "-repeated")
}

// labelled is a block: by each label an object, or an array of such objects, down to the body, of
// which there are at most so many; 0 is any number. A label is of the definition called label.
func (d describer) labelled(name, label string, labels, most int) map[string]any {
	out := oneOrMany(defined(name), most)
	for i := range labels {
		by := fmt.Sprintf("%s-by-label-%d", name, labels-i)
		d[by] = map[string]any{"type": "object", "minProperties": 1, "propertyNames": defined(label), "additionalProperties": out}
		out = map[string]any{"anyOf": []any{defined(by), map[string]any{"type": "array", "minItems": 1, "items": defined(by)}}}
	}
	return out
}

// jsonField is the value of one attribute.
func jsonField(s *schema, f *field) any {
	if f.index < 0 {
		return defined(ownType(f.name))
	}
	return jsonType(s.typ.Field(f.index).Type)
}

// jsonType is an expression for a Go type that plans know.
func jsonType(t reflect.Type) any {
	switch {
	case t == addrsType:
		return defined("references")
	case t == listType:
		return defined("list")
	case t == reflect.TypeFor[engine.Text]():
		return defined("string")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Slice:
		return map[string]any{"anyOf": []any{map[string]any{"type": "array", "items": jsonType(t.Elem())}, defined("template")}}
	case reflect.Map:
		values := map[string]any{"anyOf": []any{jsonType(t.Elem()), map[string]any{"type": "null"}}}
		return map[string]any{"anyOf": []any{map[string]any{"type": "object", "additionalProperties": values}, defined("template")}}
	case reflect.Interface:
		return true
	case reflect.Bool:
		return defined("bool")
	case reflect.String:
		return defined("string")
	case reflect.Float32, reflect.Float64:
		return defined("number")
	}
	return defined("integer")
}

// values defines the expressions that attributes take. A string with ${ or %{ in it may be anything.
func (d describer) values() {
	typ := func(name ...string) map[string]any { return map[string]any{"type": name} }
	anyOf := func(schemas ...any) map[string]any { return map[string]any{"anyOf": schemas} }
	pattern := func(p string) map[string]any { return map[string]any{"type": "string", "pattern": p} }
	template, digits := defined("template"), `^-?[0-9]+`
	d["template"] = pattern(`[$%]\{`)
	d["words"] = typ("string")
	d["string"] = typ("string", "number", "boolean")
	d["bool"] = anyOf(typ("boolean"), map[string]any{"enum": []string{"true", "false", "1", "0"}}, template)
	d["number"] = anyOf(typ("number"), pattern(digits+`(\.[0-9]+)?([eE][+-]?[0-9]+)?$`), template)
	d["integer"] = anyOf(typ("integer"), pattern(digits+`$`), template)
	d["list"] = anyOf(defined("string"), map[string]any{"type": "array", "items": defined("string")})
	d["any"] = true
	d["each"] = anyOf(typ("object", "array"), template)
	d["names"] = map[string]any{"type": "array", "items": defined("name")}
	d["references"] = map[string]any{"type": "array", "items": pattern(`^[^.\s"$]+(\.[^.\s"$\[]+|\[("([^"\\]|\\.)*"|[0-9]+)\])+$`)}
	d["folder"] = pattern(`^\.\.?(/|$)`)
	d["duration"] = anyOf(pattern(`^([0-9.]+(ns|us|µs|ms|s|m|h))+$`), template)
	d["name"] = pattern(`^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}-]*$`)
	d["planName"] = pattern(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)
}

func defined(name string) map[string]any {
	return map[string]any{"$ref": "#/$defs/" + name}
}

// jsonObject is an object that has these properties and no others, but for comments.
func jsonObject(properties map[string]any) map[string]any {
	properties["//"] = true
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

// oneOrMany is a body or an array of at most so many of them; 0 is any number.
func oneOrMany(body map[string]any, most int) map[string]any {
	array := map[string]any{"type": "array", "items": body}
	if most > 0 {
		array["maxItems"] = most
	}
	return map[string]any{"anyOf": []any{body, array}}
}

// described is a copy of a schema that says what it is.
func described(of any, words string) map[string]any {
	out := map[string]any{}
	if m, ok := of.(map[string]any); ok {
		maps.Copy(out, m)
	}
	if words != "" {
		out["description"] = words
	}
	return out
}
