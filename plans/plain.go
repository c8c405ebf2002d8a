package plans

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// plain reads blocks that are written in the plainest way, of attributes and blocks that hold nothing
// but literals: what the HCL library makes of the same text, at a small part of its cost, since that
// looks at each byte several times. Whatever is not plain, be it a mistake, it leaves to the library.
//
// Of places it knows where a block is. Those of expressions are only for mistakes.
type plain struct {
	src    []byte
	file   string
	offset int // of src in its file
	at     int // the next byte
	line   int // its line
	bol    int // where that begins in src
}

// maxPlain is how deep plain blocks and values nest.
const maxPlain = 8

func newPlain(src []byte, file string, start hcl.Pos) *plain {
	return &plain{src: src, file: file, offset: start.Byte, line: start.Line}
}

// next skips to where the next block begins. False is the end.
func (p *plain) next() bool {
	p.blank()
	return p.at < len(p.src)
}

// block reads a block of the outermost level, or nothing where it is not plain.
func (p *plain) block() *hclsyntax.Block {
	start := *p
	name, ok := p.ident()
	if ok {
		var b *hclsyntax.Block
		if b, ok = p.body(name, p.between(start.at, p.at), 0); ok {
			return b
		}
	}
	*p = start
	return nil
}

// leave skips what block did not read, up to the next line that is nothing but "}", and returns it and
// where it starts.
func (p *plain) leave() ([]byte, hcl.Pos) {
	from, pos := p.at, p.pos(p.at)
	end := len(p.src)
	if i := bytes.Index(p.src[from:], []byte("\n}\n")); i >= 0 {
		end = from + i + len("\n}\n")
	}
	text := p.src[from:end]
	if n := bytes.Count(text, []byte("\n")); n > 0 {
		p.line, p.bol = p.line+n, from+bytes.LastIndexByte(text, '\n')+1
	}
	p.at = end
	return text, pos
}

func (p *plain) pos(at int) hcl.Pos {
	return hcl.Pos{Line: p.line, Column: at - p.bol + 1, Byte: p.offset + at}
}

func (p *plain) between(from, to int) hcl.Range {
	return hcl.Range{Filename: p.file, Start: p.pos(from), End: p.pos(to)}
}

// peek is the next byte, 0 at the end: no plain text has that.
func (p *plain) peek() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

func (p *plain) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	if c == '\n' {
		p.line, p.bol = p.line+1, p.at
	}
	return true
}

func (p *plain) spaces() {
	for p.peek() == ' ' || p.peek() == '\t' {
		p.at++
	}
}

// blank skips spaces, empty lines and comments.
func (p *plain) blank() {
	for p.spaces(); p.comment() || p.take('\n'); {
		p.spaces()
	}
}

// comment skips a comment up to the line's end.
func (p *plain) comment() bool {
	if p.peek() != '#' && !bytes.HasPrefix(p.src[p.at:], []byte("//")) {
		return false
	}
	n := bytes.IndexByte(p.src[p.at:], '\n')
	if n < 0 {
		n = len(p.src) - p.at
	}
	p.at += n
	return true
}

// endOfLine takes what may follow an attribute or a block.
func (p *plain) endOfLine() bool {
	p.spaces()
	p.comment()
	return p.take('\n')
}

// ident reads a name of ASCII letters.
func (p *plain) ident() (string, bool) {
	from := p.at
	for c := p.peek(); isLetter(c) || p.at > from && (c == '-' || isDigit(c)); c = p.peek() {
		p.at++
	}
	return string(p.src[from:p.at]), p.at > from
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// body reads what follows a block's type, which is at a place.
func (p *plain) body(kind string, at hcl.Range, depth int) (*hclsyntax.Block, bool) {
	b := &hclsyntax.Block{Type: kind, TypeRange: at}
	for p.spaces(); p.take('"'); p.spaces() {
		from := p.at - 1
		label, ok := p.ident()
		if !ok || !p.take('"') {
			return nil, false
		}
		b.Labels = append(b.Labels, label)
		b.LabelRanges = append(b.LabelRanges, p.between(from, p.at))
	}
	brace := p.between(p.at, p.at+1)
	if depth > maxPlain || !p.take('{') || !p.endOfLine() {
		return nil, false
	}
	b.Body = &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: brace, EndRange: brace}
	for p.blank(); !p.take('}'); p.blank() {
		if !p.item(b.Body, depth) {
			return nil, false
		}
	}
	return b, p.endOfLine()
}

// item reads an attribute or a block within another.
func (p *plain) item(body *hclsyntax.Body, depth int) bool {
	from := p.at
	name, ok := p.ident()
	if !ok {
		return false
	}
	at := p.between(from, p.at)
	p.spaces()
	if !p.take('=') {
		b, ok := p.body(name, at, depth+1)
		body.Blocks = append(body.Blocks, b)
		return ok
	}
	p.spaces()
	var v hclsyntax.Expression
	if p.peek() == '<' {
		v, ok = p.heredoc()
	} else {
		v, ok = p.value(depth + 1)
	}
	if !ok || body.Attributes[name] != nil {
		return false
	}
	body.Attributes[name] = &hclsyntax.Attribute{Name: name, Expr: v, SrcRange: at, NameRange: at}
	return p.endOfLine()
}

// value reads a literal.
func (p *plain) value(depth int) (hclsyntax.Expression, bool) {
	switch c := p.peek(); {
	case depth > maxPlain:
	case c == '"':
		s, ok := p.quoted()
		return literalOf(cty.StringVal(s)), ok
	case c == '[':
		return p.list(depth)
	case c == '{':
		return p.object(depth)
	case isDigit(c):
		return p.number()
	default:
		switch word, _ := p.ident(); word {
		case "true", "false":
			return literalOf(cty.BoolVal(word == "true")), p.ended()
		}
	}
	return nil, false
}

func literalOf(v cty.Value) hclsyntax.Expression { return &hclsyntax.LiteralValueExpr{Val: v} }

// ended reports whether a value may end here: no operator, call or index follows.
func (p *plain) ended() bool {
	p.spaces()
	switch p.peek() {
	case '\n', ',', ']', '}', '#':
		return true
	}
	return false
}

// number reads a whole number of at most 15 digits.
func (p *plain) number() (hclsyntax.Expression, bool) {
	from := p.at
	for isDigit(p.peek()) {
		p.at++
	}
	if p.at-from > 15 || !p.ended() {
		return nil, false
	}
	v, err := cty.ParseNumberVal(string(bytes.TrimRight(p.src[from:p.at], " \t")))
	return literalOf(v), err == nil
}

// quoted reads a string without templates.
func (p *plain) quoted() (string, bool) {
	p.at++
	from, escaped := p.at, 0
	for ; p.peek() != '"'; p.at++ {
		switch c := p.peek(); {
		case c == '\\':
			escaped++
			p.at++
		case c < ' ' && c != '\t' || p.template():
			return "", false
		}
	}
	text := p.src[from:p.at]
	p.at++
	if !utf8.Valid(text) {
		return "", false
	}
	if escaped > 0 {
		var ok bool
		if text, ok = unescaped(text, escaped); !ok {
			return "", false
		}
	}
	return string(text), p.ended()
}

// template reports whether something to be filled in begins here, or what stands for its signs.
func (p *plain) template() bool {
	c := p.src[p.at]
	return (c == '$' || c == '%') && p.at+1 < len(p.src) && p.src[p.at+1] == '{'
}

// unescaped replaces the n escapes in text, of those that are one letter.
func unescaped(text []byte, n int) ([]byte, bool) {
	out := make([]byte, 0, len(text)-n)
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return append(out, text...), i < 0
		}
		out = append(out, text[:i]...)
		switch c := text[i+1]; c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case '"', '\\':
			out = append(out, c)
		default:
			return nil, false
		}
		text = text[i+2:]
	}
}
