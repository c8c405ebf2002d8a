package lockfile

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// header is the first line.
const header = "# Made by agent0-converge models lock. Edit nothing by hand but names.\n"

// Format writes l: the same to the byte for the same models, and as "agent0-converge fmt" leaves it.
func (l *Lock) Format() []byte {
	f := hclwrite.NewEmptyFile()
	for i, m := range l.Models {
		if i > 0 {
			f.Body().AppendNewline()
		}
		f.Body().SetAttributeRaw(m.Name, m.tokens())
	}
	out := append([]byte(header), f.Bytes()...)
	for last := []byte(nil); !bytes.Equal(last, out); { // as plans are formatted: until nothing changes any more
		last, out = out, hclwrite.Format(out)
	}
	return out
}

func (m Model) tokens() hclwrite.Tokens {
	var attrs []hclwrite.ObjectAttrTokens
	if m.File != "" {
		attrs = append(attrs, text("file", m.File))
	}
	attrs = append(attrs, m.attrs()...)
	if len(m.Shards) > 0 {
		shards := make([]hclwrite.Tokens, 0, len(m.Shards))
		for _, s := range m.Shards {
			shards = append(shards, hclwrite.TokensForObject(append([]hclwrite.ObjectAttrTokens{text("name", s.Name)}, s.attrs()...)))
		}
		attrs = append(attrs, attr("shards", list(shards)))
	}
	return hclwrite.TokensForObject(attrs)
}

func (b Blob) attrs() []hclwrite.ObjectAttrTokens {
	out := []hclwrite.ObjectAttrTokens{text("url", b.URL)}
	if len(b.Mirrors) > 0 {
		mirrors := make([]hclwrite.Tokens, 0, len(b.Mirrors))
		for _, m := range b.Mirrors {
			mirrors = append(mirrors, hclwrite.TokensForValue(cty.StringVal(m)))
		}
		out = append(out, attr("mirrors", list(mirrors)))
	}
	return append(out, text("sha256", b.SHA256), attr("size", hclwrite.TokensForValue(cty.NumberIntVal(b.Size))))
}

// list is a list with each of several elements on lines of its own, so that lines that come and go show what does.
func list(elements []hclwrite.Tokens) hclwrite.Tokens {
	if len(elements) == 1 {
		return hclwrite.TokensForTuple(elements)
	}
	newline := &hclwrite.Token{Type: hclsyntax.TokenNewline, Bytes: []byte("\n")}
	out := hclwrite.Tokens{{Type: hclsyntax.TokenOBrack, Bytes: []byte("[")}, newline}
	for _, e := range elements {
		out = append(append(out, e...), &hclwrite.Token{Type: hclsyntax.TokenComma, Bytes: []byte(",")}, newline)
	}
	return append(out, &hclwrite.Token{Type: hclsyntax.TokenCBrack, Bytes: []byte("]")})
}

func text(name, value string) hclwrite.ObjectAttrTokens {
	return attr(name, hclwrite.TokensForValue(cty.StringVal(value)))
}

func attr(name string, value hclwrite.Tokens) hclwrite.ObjectAttrTokens {
	return hclwrite.ObjectAttrTokens{Name: hclwrite.TokensForIdentifier(name), Value: value}
}
