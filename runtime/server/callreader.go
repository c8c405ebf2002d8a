package server

import (
	"crypto/rand"
	"regexp"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// callPart is a piece of a call: its name and ID, when they come to be known, or a part of its arguments.
type callPart struct {
	index               int
	id, name, arguments string
}

// call is one that the model made.
type call struct {
	id, name  string
	arguments strings.Builder
}

// callReader takes calls out of what the model writes, which keeps to callOf's grammar. Text before the first one is the
// answer's; blanks before a call belong to it.
type callReader struct {
	marks *wire.Calls // nil: it is one call and nothing else
	calls []*call
	held  string // what it is not known of yet what it is
	at    place
	json  objectEnd
}

// place is where in the answer a callReader is.
type place int

const (
	outside     place = iota
	inHead            // before the arguments
	inArguments       // in them
	afterCall         // behind them, before the mark
)

var callHead = regexp.MustCompile(`^\s*\{\s*"name"\s*:\s*"([A-Za-z0-9_-]+)"\s*,\s*"arguments"\s*:\s*`)

// add takes text, and returns what of it is the answer's and what belongs to calls. last says that it is the end.
func (r *callReader) add(text string, last bool) (shown string, parts []callPart) {
	r.held += text
	if r.marks == nil && r.at == outside {
		r.at = inHead
	}
	for {
		before, at := len(r.held), r.at
		switch r.at {
		case outside:
			shown += r.text(last)
		case inHead:
			parts = append(parts, r.head()...)
		case inArguments:
			parts = joined(parts, r.arguments())
		case afterCall:
			r.end()
		}
		if r.at == at && len(r.held) == before || r.held == "" {
			return shown, parts
		}
	}
}

// joined adds parts, of which one that goes on where the last one ended is made one with it.
func joined(parts, more []callPart) []callPart {
	if n := len(parts) - 1; n >= 0 && len(more) == 1 && more[0].name == "" && more[0].index == parts[n].index {
		parts[n].arguments += more[0].arguments
		return parts
	}
	return append(parts, more...)
}

// blanks are what may stand around calls.
const blanks = " \n"

// text returns what is no call, and cannot be the beginning of one.
func (r *callReader) text(last bool) string {
	before, after, found := strings.Cut(r.held, r.marks.Open)
	if found {
		r.held, r.at = after, inHead
		return strings.TrimRight(before, blanks)
	}
	out := r.held
	if !last {
		out = strings.TrimRight(out[:len(out)-begun(out, r.marks.Open)], blanks)
	}
	r.held = r.held[len(out):]
	if len(r.calls) > 0 {
		return strings.Trim(out, blanks)
	}
	return out
}

// begun is how many bytes at the end of a text are the beginning of a mark.
func begun(text, mark string) int {
	for n := min(len(mark)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}

// head returns the beginning of a call once its name is known.
func (r *callReader) head() []callPart {
	found := callHead.FindStringSubmatchIndex(r.held)
	if found == nil || found[1] == len(r.held) { // blanks may still follow those that are there
		return nil
	}
	c := &call{id: "call_" + rand.Text(), name: r.held[found[2]:found[3]]}
	r.calls = append(r.calls, c)
	r.held, r.at, r.json = r.held[found[1]:], inArguments, objectEnd{}
	return []callPart{{index: len(r.calls) - 1, id: c.id, name: c.name}}
}

// arguments returns what there is of them.
func (r *callReader) arguments() []callPart {
	n := 0
	for n < len(r.held) && !r.json.found {
		r.json.step(r.held[n])
		n++
	}
	if n == 0 {
		return nil
	}
	part := callPart{index: len(r.calls) - 1, arguments: r.held[:n]}
	r.calls[part.index].arguments.WriteString(part.arguments)
	r.held = r.held[n:]
	if r.json.found {
		r.at = afterCall
	}
	return []callPart{part}
}

// end looks for the mark behind a call.
func (r *callReader) end() {
	if r.marks == nil {
		r.held = "" // the object's own end
		return
	}
	if _, after, found := strings.Cut(r.held, r.marks.Close); found {
		r.held, r.at = strings.TrimLeft(after, blanks), outside
	}
}

// whole reports whether there is a call, and the last one's arguments are complete.
func (r *callReader) whole() bool {
	return len(r.calls) > 0 && (r.at == afterCall || r.at == outside)
}

// objectEnd follows a JSON object to its end.
type objectEnd struct {
	depth  int
	quoted bool // within a string
	escape bool // after a backslash
	found  bool
}

func (o *objectEnd) step(b byte) {
	switch {
	case o.escape:
		o.escape = false
	case o.quoted:
		o.escape, o.quoted = b == '\\', b != '"'
	case b == '"':
		o.quoted = true
	case b == '{' || b == '[':
		o.depth++
	case b == '}' || b == ']':
		o.depth--
		o.found = o.depth == 0
	}
}
