package plans

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// lines skips spaces and line ends within brackets.
func (p *plain) lines() {
	for p.spaces(); p.take('\n'); {
		p.spaces()
	}
}

// list reads a list of literals.
func (p *plain) list(depth int) (hclsyntax.Expression, bool) {
	p.at++
	out := &hclsyntax.TupleConsExpr{}
	for p.lines(); !p.take(']'); p.lines() {
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		out.Exprs = append(out.Exprs, v)
		if p.lines(); !p.take(',') && p.peek() != ']' {
			return nil, false
		}
	}
	return out, p.ended()
}

// object reads names with literals, each on a line of its own or with commas between them.
func (p *plain) object(depth int) (hclsyntax.Expression, bool) {
	p.at++
	out := &hclsyntax.ObjectConsExpr{}
	for p.lines(); !p.take('}'); p.lines() {
		key, ok := p.key()
		if !ok || !p.take('=') {
			return nil, false
		}
		p.spaces()
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		out.Items = append(out.Items, hclsyntax.ObjectConsItem{
			KeyExpr: &hclsyntax.ObjectConsKeyExpr{Wrapped: literalOf(cty.StringVal(key))}, ValueExpr: v,
		})
		if p.spaces(); !p.take(',') && p.peek() != '\n' && p.peek() != '}' {
			return nil, false
		}
	}
	return out, p.ended()
}

// key reads the name of an object's attribute. Words that mean something are not plain.
func (p *plain) key() (string, bool) {
	if p.peek() != '"' {
		name, ok := p.ident()
		p.spaces()
		return name, ok && !slices.Contains([]string{"for", "true", "false", "null"}, name)
	}
	end := bytes.IndexByte(p.src[p.at+1:], '"')
	if end < 0 {
		return "", false
	}
	name := p.src[p.at+1 : p.at+1+end]
	p.at += end + 2
	p.spaces()
	return string(name), utf8.Valid(name) && !bytes.ContainsAny(name, "\\${%\r\n")
}

// heredoc reads a text that begins on the next line, without templates.
func (p *plain) heredoc() (hclsyntax.Expression, bool) {
	if !bytes.HasPrefix(p.src[p.at:], []byte("<<")) {
		return nil, false
	}
	p.at += 2
	flush := p.take('-')
	marker, ok := p.ident()
	if !ok || !p.take('\n') {
		return nil, false
	}
	var lines [][]byte
	for {
		n := bytes.IndexByte(p.src[p.at:], '\n')
		if n < 0 {
			return nil, false
		}
		line := p.src[p.at : p.at+n+1]
		p.at += n
		if string(bytes.TrimSpace(line)) == marker {
			break
		}
		p.take('\n')
		if !plainLine(line) || flush && !plainIndent(line) {
			return nil, false
		}
		lines = append(lines, line)
	}
	if flush {
		flushed(lines)
	}
	return literalOf(cty.StringVal(string(bytes.Join(lines, nil)))), true
}

// plainLine reports whether a line of a heredoc stands for itself.
func plainLine(line []byte) bool {
	special := func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }
	return utf8.Valid(line) && bytes.IndexFunc(line, special) < 0 &&
		!bytes.Contains(line, []byte("${")) && !bytes.Contains(line, []byte("%{"))
}

// plainIndent reports whether a line is indented by spaces and tabs alone.
func plainIndent(line []byte) bool {
	return bytes.TrimLeft(line, " \t")[0] < utf8.RuneSelf
}

// flushed takes from all lines the indent that the least indented one has; empty lines do not count,
// and stay as they are.
func flushed(lines [][]byte) {
	least := -1
	indent := func(line []byte) int {
		rest := bytes.TrimLeft(line, " \t")
		if rest[0] == '\n' {
			return -1
		}
		return len(line) - len(rest)
	}
	for _, line := range lines {
		if n := indent(line); n >= 0 && (least < 0 || n < least) {
			least = n
		}
	}
	for i, line := range lines {
		if indent(line) >= 0 {
			lines[i] = line[least:]
		}
	}
}
