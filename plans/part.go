package plans

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// part is one body laid out by its schema: what was written, each with the field it is for.
type part struct {
	schema *schema
	attrs  []attr
	blocks []sub
	// missing is where something that is not written would be.
	missing hcl.Range
	// dynamic says that blocks of this body, or of one below, are yet to be expanded.
	dynamic bool
}

type attr struct {
	*field
	expr hcl.Expression
	at   *hcl.Range // of the name
}

// sub is a nested block.
type sub struct {
	*field
	part   *part
	labels []string
	def    hcl.Range
	// A dynamic block is expanded from these; they are nil for one that is written out.
	forEach, generated hcl.Expression
	iterator           string
}

// get returns the attribute of that name, if it was written.
func (p *part) get(name string) (attr, bool) {
	for _, a := range p.attrs {
		if a.name == name {
			return a, true
		}
	}
	return attr{}, false
}

// lay lays body out by s. Where expanded is not true, dynamic blocks stay what they are.
func (s *schema) lay(body hcl.Body, expanded bool, m *mistakes) *part {
	if b, ok := body.(*hclsyntax.Body); ok {
		if p := s.layPlain(b); p != nil {
			return p
		}
	}
	want := s.open
	if expanded {
		want = s.body
	}
	content, diags := body.Content(want)
	m.add(diags...)
	p := &part{schema: s, missing: content.MissingItemRange}
	for _, f := range s.fields {
		if a := content.Attributes[f.name]; a != nil && f.block == nil {
			p.attrs = append(p.attrs, attr{f, a.Expr, &a.NameRange})
		}
	}
	for _, b := range content.Blocks {
		if b.Type == "dynamic" && !expanded {
			p.layDynamic(b, m)
			continue
		}
		f := s.byName[b.Type]
		inner := f.block.lay(b.Body, expanded, m)
		p.dynamic = p.dynamic || inner.dynamic
		p.blocks = append(p.blocks, sub{field: f, part: inner, labels: b.Labels, def: b.DefRange})
	}
	p.count(m)
	return p
}

// layPlain is the fast way for a body without mistakes and dynamic blocks; nil for any other.
func (s *schema) layPlain(b *hclsyntax.Body) *part {
	p := &part{schema: s, attrs: make([]attr, 0, len(b.Attributes)), missing: b.MissingItemRange()}
	// In the order of the schema, so that a plan is evaluated in the same order every time.
	for _, f := range s.fields {
		if f.block != nil || f.label {
			continue
		}
		if a := b.Attributes[f.name]; a != nil {
			p.attrs = append(p.attrs, attr{f, a.Expr, &a.NameRange})
		} else if f.required {
			return nil
		}
	}
	if len(p.attrs) != len(b.Attributes) {
		return nil
	}
	for _, nested := range b.Blocks {
		f := s.byName[nested.Type]
		if f == nil || f.block == nil || len(nested.Labels) != len(f.block.labels) {
			return nil
		}
		inner := f.block.layPlain(nested.Body)
		if inner == nil {
			return nil
		}
		p.blocks = append(p.blocks, sub{field: f, part: inner, labels: nested.Labels, def: nested.DefRange()})
	}
	var m mistakes
	if p.count(&m); m.failed() {
		return nil
	}
	return p
}

// layDynamic lays out a block that is to be expanded, by the schema of what it expands to.
func (p *part) layDynamic(b *hcl.Block, m *mistakes) {
	p.dynamic = true
	f := p.schema.byName[b.Labels[0]]
	if f == nil || f.block == nil {
		names := make([]string, 0, len(p.schema.body.Blocks))
		for _, known := range p.schema.body.Blocks {
			names = append(names, known.Type)
		}
		m.errorf(b.LabelRanges[0], &b.DefRange, "Unsupported block type",
			"Blocks of type %q are not expected here.%s", b.Labels[0], didYouMean(b.Labels[0], names))
		return
	}
	want := &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "for_each", Required: true}, {Name: "iterator"}, {Name: "labels"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "content"}},
	}
	content, diags := b.Body.Content(want)
	m.add(diags...)
	s := sub{field: f, def: b.DefRange, iterator: f.name, part: &part{schema: f.block}}
	if a := content.Attributes["for_each"]; a != nil {
		s.forEach = a.Expr
	}
	if a := content.Attributes["labels"]; a != nil {
		s.generated = a.Expr
	}
	if a := content.Attributes["iterator"]; a != nil {
		if name := hcl.ExprAsKeyword(a.Expr); name != "" {
			s.iterator = name
		}
	}
	if len(content.Blocks) == 0 {
		m.errorf(b.DefRange, nil, "Missing dynamic content block",
			"A dynamic block has a nested block \"content\" that says what each block holds.")
	}
	for _, c := range content.Blocks {
		s.part = f.block.lay(c.Body, false, m)
	}
	p.blocks = append(p.blocks, s)
}

// count checks how often each block may occur.
func (p *part) count(m *mistakes) {
	for _, f := range p.schema.fields {
		if f.block == nil || f.repeated {
			continue
		}
		n, generated := 0, false
		for _, b := range p.blocks {
			generated = generated || b.field == f && b.forEach != nil
			if b.field != f {
				continue
			}
			if n++; n == 2 && !generated {
				m.errorf(b.def, nil, "Duplicate "+f.name+" block", "Only one %s block is allowed here.", f.name)
			}
		}
		if n == 0 && f.required {
			m.errorf(p.missing, nil, "Missing "+f.name+" block", "A block %q is required here.", f.name)
		}
	}
}
