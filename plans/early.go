package plans

import (
	"crypto/sha256"
	"io"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/agent0-converge/agent0-converge/engine"
)

// parseEarly parses a long file and declares, as soon as a piece of it is parsed, the resources
// that refer to nothing: most of what makes a plan long. Neither their syntax nor the text of the
// file is kept. Where that does not do, for whatever reason, the answer is false: all has to be
// read again and kept.
func (l *loader) parseEarly(name string) bool {
	if _, err := l.disk.readable(name); err != nil {
		return false
	}
	f, err := l.disk.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	sum := sha256.New()
	ps, ok := parsePieces(io.TeeReader(f, sum), name, l.settleEarly)
	if !ok {
		return false
	}
	l.files[name] = &hcl.File{Body: join(ps)}
	l.sums[name] = [sha256.Size]byte(sum.Sum(nil))
	l.disk.note(name, Text, l.sums[name])
	for _, p := range ps {
		l.early[name] = append(l.early[name], p.settled...)
	}
	return true
}

// settleEarly declares what can be declared by itself, and keeps of p only the rest. Many run at once.
func (l *loader) settleEarly(p *piece, text []byte, name string, at hcl.Pos) bool {
	p.body = &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for t := newPlain(text, name, at); t.next(); {
		start := *t
		if b := t.block(); b != nil {
			if r := l.literalResource(b); r != nil {
				if !l.declareEarly(p, r) {
					return false
				}
				continue
			}
			*t = start
		}
		if !l.settleRest(p, t, name) {
			return false
		}
	}
	return true
}

// settleRest does the same by the HCL library, up to where plain blocks may begin again.
func (l *loader) settleRest(p *piece, t *plain, name string) bool {
	var part piece
	if text, at := t.leave(); !parsePiece(&part, text, name, at) {
		return false
	}
	for name, a := range part.body.Attributes {
		p.body.Attributes[name] = a
	}
	for _, b := range part.body.Blocks {
		if r := l.literalResource(b); r == nil {
			p.body.Blocks = append(p.body.Blocks, b)
		} else if !l.declareEarly(p, r) {
			return false
		}
	}
	return true
}

// declareEarly declares r and lets go of its syntax.
func (l *loader) declareEarly(p *piece, r *resource) bool {
	var m mistakes
	d, ok := l.instance(r, instance{addr: r.full}, nil, &m)
	r.declared = []engine.Declared{d}
	r.body, r.part = nil, l.nothing
	p.settled = append(p.settled, r)
	return ok && len(m.diags) == 0
}

// literalResource is the resource that b declares, if b refers to nothing and stands for one.
func (l *loader) literalResource(b *hclsyntax.Block) *resource {
	k := l.kinds[b.Type]
	if k == nil || len(b.Labels) != 1 || !hclsyntax.ValidIdentifier(b.Labels[0]) || k.prepare() != nil {
		return nil
	}
	p := k.schema.layPlain(b.Body)
	if p == nil || !p.literal() {
		return nil
	}
	r := l.newResource(k, b.Labels[0], b.DefRange())
	r.part, r.early = p, true
	return r
}

// literal reports whether p refers to nothing and says nothing that concerns other blocks.
func (p *part) literal() bool {
	for _, a := range p.attrs {
		if a.static || a.name == "for_each" || a.name == "count" || !literal(a.expr) {
			return false
		}
	}
	for _, b := range p.blocks {
		if b.index < 0 || !b.part.literal() {
			return false
		}
	}
	return true
}
