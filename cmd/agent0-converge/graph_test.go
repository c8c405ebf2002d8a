package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

// TestDot holds that what is written is read by Graphviz's rules as the same graph, whatever the
// addresses hold.
func TestDot(t *testing.T) {
	nodes := []engine.Node{
		{Addr: "directory./srv", Implied: true},
		{Addr: `file.a["x \"y\" \\ -> [z];{}\n"]`, Edges: []engine.Edge{{To: "directory./srv", Sort: engine.EdgeNeeds}}},
		{Addr: "unit.b", Edges: []engine.Edge{
			{To: `file.a["x \"y\" \\ -> [z];{}\n"]`, Sort: engine.EdgeRestart}, {To: "directory./srv", Sort: engine.EdgeAfter},
		}},
	}
	var b strings.Builder
	graphDot(&b, `a "plan"`, nodes)
	got, err := parseDot(b.String())
	if err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	want := `a "plan"
directory./srv map[style:dashed]
file.a["x \"y\" \\ -> [z];{}\n"] map[]
unit.b map[]
file.a["x \"y\" \\ -> [z];{}\n"] -> directory./srv map[style:dashed]
unit.b -> file.a["x \"y\" \\ -> [z];{}\n"] map[label:restart style:bold]
unit.b -> directory./srv map[]
`
	if got != want {
		t.Errorf("got\n%s, not\n%s", got, want)
	}
	for _, wrong := range []string{"digraph x {", `digraph "x" { "a" -> }`, `digraph "x" { "a" [b] }`, `digraph "x" { "a }`, `digraph "x" {} x`} {
		if _, err := parseDot(wrong); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
}

// dot reads the part of Graphviz's language that a graph of one sort needs, and nothing that is
// not in it (https://graphviz.org/doc/info/lang.html).
type dot struct {
	tokens []string
	out    strings.Builder
}

// parseDot returns the name, then the nodes and edges in order with their attributes.
func parseDot(src string) (s string, err error) {
	d := &dot{}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	d.scan(src)
	d.want("digraph")
	d.out.WriteString(d.id() + "\n")
	d.want("{")
	for !d.take("}") {
		d.statement()
	}
	if len(d.tokens) > 0 {
		panic("more follows: " + d.tokens[0])
	}
	return d.out.String(), nil
}

// scan splits src into words, punctuation, and strings, which keep their first quote. In a string
// a backslash takes the next one or a quote with it.
func (d *dot) scan(src string) {
	for src = strings.TrimSpace(src); src != ""; src = strings.TrimSpace(src) {
		n := 1
		switch c := src[0]; {
		case c == '"':
			var s strings.Builder
			for ; src[n] != '"'; n++ {
				if src[n] == '\\' && (src[n+1] == '"' || src[n+1] == '\\') {
					n++
				}
				s.WriteByte(src[n])
			}
			d.tokens, src = append(d.tokens, `"`+s.String()), src[n+1:]
			continue
		case strings.HasPrefix(src, "->"):
			n = 2
		case strings.IndexByte("{}[],;=", c) >= 0:
		default:
			if n = strings.IndexFunc(src, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }); n == 0 {
				panic("no such character: " + src[:1])
			}
		}
		d.tokens, src = append(d.tokens, src[:n]), src[n:]
	}
}

func (d *dot) take(token string) bool {
	if len(d.tokens) == 0 {
		panic("the end is missing")
	}
	if d.tokens[0] != token {
		return false
	}
	d.tokens = d.tokens[1:]
	return true
}

func (d *dot) want(token string) {
	if !d.take(token) {
		panic("no " + token + " but " + d.tokens[0])
	}
}

func (d *dot) id() string {
	s, quoted := strings.CutPrefix(d.tokens[0], `"`)
	if !quoted {
		panic("no string in quotes but " + s)
	}
	d.tokens = d.tokens[1:]
	return s
}

func (d *dot) statement() {
	for _, word := range []string{"rankdir", "node"} {
		if d.take(word) {
			if word == "rankdir" {
				d.want("=")
				d.id()
			} else {
				d.attributes()
			}
			return
		}
	}
	d.out.WriteString(d.id())
	if d.take("->") {
		d.out.WriteString(" -> " + d.id())
	}
	fmt.Fprintln(&d.out, "", d.attributes())
}

func (d *dot) attributes() map[string]string {
	attrs := map[string]string{}
	if d.take("[") {
		for !d.take("]") {
			name := d.tokens[0]
			d.tokens = d.tokens[1:]
			d.want("=")
			attrs[name] = d.id()
			d.take(",")
		}
	}
	return attrs
}
