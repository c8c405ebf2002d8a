package grammar

import (
	"fmt"
	"strconv"
	"strings"
)

// maxGroups is how deep parentheses nest in what is made here; beyond, a rule takes their place.
const maxGroups = 6

// writer writes rules as GBNF.
type writer struct {
	r       *rules
	b       strings.Builder
	name    map[ref]string
	pending []ref
}

// write returns the rules that root needs.
func (r *rules) write() string {
	w := &writer{r: r, name: map[ref]string{}}
	w.ref(0)
	for i := 0; i < len(w.pending); i++ {
		n := w.pending[i]
		w.b.WriteString(w.name[n] + " ::= ")
		w.alternatives(r.list[n], 0)
		w.b.WriteByte('\n')
		if w.b.Len() > r.budget.limits.Output {
			panic(&Error{Reason: fmt.Sprintf("the schema needs a grammar of more than %d bytes", r.budget.limits.Output)})
		}
	}
	return w.b.String()
}

// ref returns the name of a rule, which is written when its turn comes. One that is only another's name is not.
func (w *writer) ref(n ref) string {
	for to, ok := w.r.list[n].(ref); ok; to, ok = w.r.list[n].(ref) {
		n = to
	}
	if _, ok := w.name[n]; !ok {
		name := "root"
		if len(w.name) > 0 {
			name = w.r.names[n] + "-" + strconv.Itoa(len(w.name))
		}
		w.name[n] = name
		w.pending = append(w.pending, n)
	}
	return w.name[n]
}

func (w *writer) alternatives(e expr, depth int) {
	a, ok := e.(alt)
	if !ok {
		a = alt{e}
	}
	for i, e := range a {
		if i > 0 {
			w.b.WriteString(" | ")
		}
		w.sequence(e, depth)
	}
}

func (w *writer) sequence(e expr, depth int) {
	s, ok := e.(seq)
	if !ok {
		s = seq{e}
	}
	written := false
	text := ""
	flush := func() {
		if text != "" {
			w.gap(&written)
			w.b.WriteString(quoteLiteral(text))
			text = ""
		}
	}
	for _, e := range s {
		if l, ok := e.(lit); ok {
			text += string(l)
			continue
		}
		if r, ok := e.(rep); ok && r.most == 0 {
			continue
		}
		flush()
		w.gap(&written)
		w.item(e, depth)
	}
	flush()
	if !written {
		w.b.WriteString(`""`)
	}
}

func (w *writer) gap(written *bool) {
	if *written {
		w.b.WriteByte(' ')
	}
	*written = true
}

func (w *writer) item(e expr, depth int) {
	switch e := e.(type) {
	case lit:
		w.b.WriteString(quoteLiteral(string(e)))
	case class:
		w.b.WriteString(quoteClass(e))
	case ref:
		w.b.WriteString(w.ref(e))
	case rep:
		w.repeated(e.e, depth)
		w.b.WriteString(times(e.least, e.most))
	default:
		if depth >= maxGroups {
			w.b.WriteString(w.ref(w.r.add("part", e)))
			return
		}
		w.b.WriteByte('(')
		w.alternatives(e, depth+1)
		w.b.WriteByte(')')
	}
}

// repeated writes what a repetition is of. A text of several characters would be copied each time.
func (w *writer) repeated(e expr, depth int) {
	if l, ok := e.(lit); ok && len(l) > 1 {
		e = seq{l}
	}
	if inner, ok := e.(rep); ok {
		e = seq{inner}
	}
	w.item(e, depth)
}

func times(least, most int) string {
	switch {
	case least == 0 && most == 1:
		return "?"
	case least == 0 && most < 0:
		return "*"
	case least == 1 && most < 0:
		return "+"
	case least == 1 && most == 1:
		return ""
	case least == most:
		return fmt.Sprintf("{%d}", least)
	case most < 0:
		return fmt.Sprintf("{%d,}", least)
	}
	return fmt.Sprintf("{%d,%d}", least, most)
}

func quoteLiteral(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			writeRune(&b, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteClass(c class) string {
	var b strings.Builder
	b.WriteByte('[')
	for _, r := range c {
		writeClassRune(&b, r.lo)
		if r.hi > r.lo {
			if r.hi > r.lo+1 {
				b.WriteByte('-')
			}
			writeClassRune(&b, r.hi)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// writeClassRune escapes what would mean something in a class: GBNF knows no \- and no \^.
func writeClassRune(b *strings.Builder, c rune) {
	if strings.ContainsRune(`\]^-[`, c) {
		fmt.Fprintf(b, `\x%02X`, c)
		return
	}
	writeRune(b, c)
}

// writeRune writes a character as itself only where every editor shows it.
func writeRune(b *strings.Builder, c rune) {
	switch {
	case 0x20 <= c && c < 0x7f:
		b.WriteRune(c)
	case c <= 0xff:
		fmt.Fprintf(b, `\x%02X`, c)
	case c <= 0xffff:
		fmt.Fprintf(b, `\u%04X`, c)
	default:
		fmt.Fprintf(b, `\U%08X`, c)
	}
}
