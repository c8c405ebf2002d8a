package plans

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// schema is what a block may say.
type schema struct {
	typ    reflect.Type // nil for blocks that no struct stands for
	fields []*field
	byName map[string]*field
	labels []*field
	// body is the schema as hcl has it; open also takes dynamic blocks.
	body, open *hcl.BodySchema
}

// field is one attribute, label or nested block.
type field struct {
	name     string
	index    int // in the struct, -1 for what the language itself has
	required bool
	label    bool
	secret   bool // always a secret, whatever the expression says
	// static expressions are names, not values: what they refer to is not evaluated.
	static bool
	// refs is an attribute of the kind that is a list of references, as depends_on is.
	refs bool
	codec
	// block is the schema of a nested block, nil for an attribute.
	block    *schema
	repeated bool // any number of blocks
	pointer  bool // *T or []*T
}

// Exporter is a kind's struct with attributes that follow from the others, such as the name of a
// unit. They can be referred to and not set.
type Exporter interface{ Exports() map[string]string }

// Public is a kind's struct that everybody can see on the host, texts and all: nothing that it says
// may be sensitive. Secrets says where one goes instead, as a sentence.
type Public interface{ Secrets() string }

// schemaOf is the schema of the struct t, with extra fields that the language adds.
func schemaOf(t reflect.Type, extra []*field) (*schema, error) {
	s := &schema{typ: t}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("hcl")
		if !ok || !f.IsExported() {
			continue
		}
		fd, err := fieldOf(f, tag)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		fd.index = i
		s.fields = append(s.fields, fd)
	}
	s.fields = append(s.fields, extra...)
	return s, s.index()
}

// fieldOf reads the tag `hcl:"name,what"`.
func fieldOf(f reflect.StructField, tag string) (*field, error) {
	name, what, _ := strings.Cut(tag, ",")
	fd := &field{name: name, secret: f.Tag.Get("plan") == "secret"}
	var err error
	switch what {
	case "block":
		return fd, fd.nest(f.Type)
	case "", "attr":
		fd.required = true
	case "label":
		if fd.label = true; f.Type.Kind() != reflect.String {
			return nil, fmt.Errorf("a label is a string, not %s", f.Type)
		}
	case "optional":
	default:
		return nil, fmt.Errorf("the tag hcl:%q says neither optional, label nor block", tag)
	}
	if f.Type == addrsType {
		fd.static, fd.refs, fd.codec = true, true, addrsCodec()
		return fd, nil
	}
	fd.codec, err = codecOf(f.Type)
	if err == nil && fd.secret && !fd.text {
		err = fmt.Errorf("only an engine.Text can be a secret")
	}
	return fd, err
}

// nest makes fd a block: T is required, *T is optional, []T any number.
func (fd *field) nest(t reflect.Type) error {
	if t.Kind() == reflect.Slice {
		fd.repeated, t = true, t.Elem()
	}
	fd.required = !fd.repeated
	if t.Kind() == reflect.Pointer {
		fd.pointer, fd.required, t = true, false, t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[engine.Text]() {
		return fmt.Errorf("a block needs a struct, not %s", t)
	}
	var err error
	fd.block, err = schemaOf(t, nil)
	return err
}

// index fills in what is looked up while decoding.
func (s *schema) index() error {
	s.byName = make(map[string]*field, len(s.fields))
	s.body = &hcl.BodySchema{}
	for _, f := range s.fields {
		if s.byName[f.name] != nil {
			return fmt.Errorf("%s has two fields for %q", s.typ, f.name)
		}
		if f.label {
			s.labels = append(s.labels, f)
			continue
		}
		s.byName[f.name] = f
		if f.block == nil {
			s.body.Attributes = append(s.body.Attributes, hcl.AttributeSchema{Name: f.name, Required: f.required})
			continue
		}
		s.body.Blocks = append(s.body.Blocks, hcl.BlockHeaderSchema{Type: f.name, LabelNames: f.block.labelNames()})
	}
	dynamic := hcl.BlockHeaderSchema{Type: "dynamic", LabelNames: []string{"type"}}
	s.open = &hcl.BodySchema{Attributes: s.body.Attributes, Blocks: append(s.body.Blocks[:len(s.body.Blocks):len(s.body.Blocks)], dynamic)}
	return nil
}

func (s *schema) labelNames() []string {
	var names []string
	for _, f := range s.labels {
		names = append(names, f.name)
	}
	return names
}

// value is the struct v as expressions see it.
func (s *schema) value(v reflect.Value) cty.Value {
	return cty.ObjectVal(s.attributes(v))
}

func (s *schema) attributes(v reflect.Value) map[string]cty.Value {
	out := make(map[string]cty.Value, len(s.fields))
	for _, f := range s.fields {
		switch {
		case f.index < 0:
		case f.block != nil:
			out[f.name] = f.blocks(v.Field(f.index))
		default:
			out[f.name] = f.get(v.Field(f.index))
		}
	}
	return out
}

// blocks is a nested block as an object, or all of them as a tuple.
func (fd *field) blocks(v reflect.Value) cty.Value {
	if fd.repeated {
		vs := make([]cty.Value, v.Len())
		for i := range vs {
			vs[i] = fd.block.value(reflect.Indirect(v.Index(i)))
		}
		return cty.TupleVal(vs)
	}
	if fd.pointer && v.IsNil() {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return fd.block.value(reflect.Indirect(v))
}

// attributeNames are what can be referred to.
func (s *schema) attributeNames() []string {
	var names []string
	for _, f := range s.fields {
		if f.index >= 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// textNames are the attributes that may hold a secret, with those of nested blocks.
func (s *schema) textNames(prefix string) []string {
	var names []string
	for _, f := range s.fields {
		switch {
		case f.index < 0:
		case f.block != nil:
			names = append(names, f.block.textNames(prefix+f.name+".")...)
		case f.text:
			names = append(names, prefix+f.name)
		}
	}
	return names
}
