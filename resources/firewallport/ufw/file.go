package ufw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// The marks of a rules file. The last one is not in the file that the package brings, which ufw writes anew when it is
// first switched on or told of a rule.
const (
	rulesMark = "### RULES ###\n"
	tupleMark = "### tuple ###"
	endMark   = "### END RULES ###\n"
	// commitMark is the last line, without which iptables-restore loads nothing.
	commitMark = "COMMIT\n"
)

// rulesFile is user.rules or user6.rules, in pieces that make the file when they are put together again.
type rulesFile struct {
	family family
	pieces []piece
}

// piece is the lines of a tuple, or lines of anything else.
type piece struct {
	text string
	// tuple is nil for anything else, and for tuples that cannot be lines.
	tuple *tuple
	// whole says that the rules below the tuple are those that ufw makes of it: what is loaded at boot is what it says.
	whole bool
}

// readFile reads the file of a family; one that is not there is the template of which it is made.
func readFile(v host.View, f family) (*rulesFile, error) {
	b, err := v.Files.ReadFile(f.file)
	if missing(err) {
		if b, err = v.Files.ReadFile(f.template); missing(err) {
			return nil, fmt.Errorf("cannot find %s, nor %s to make it from: install ufw again", f.file, f.template)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the rules of ufw: %w", place.Unreadable(err))
	}
	out := parseFile(f, string(b))
	if !strings.HasSuffix(string(b), commitMark) { // ufw writes it in place
		return nil, fmt.Errorf("cannot read the rules of ufw: %s does not end with %q: if nobody is just running ufw, put it back from a backup", f.file, strings.TrimSpace(commitMark))
	}
	if out.find(rulesMark) < 0 {
		return nil, fmt.Errorf("cannot tell where the rules are in %s: it has no line %q; move it away and run ufw reset, which makes it anew",
			f.file, strings.TrimSpace(rulesMark))
	}
	return out, nil
}

func parseFile(f family, text string) *rulesFile {
	out := &rulesFile{family: f}
	lines := slices.Collect(strings.Lines(text))
	for i := 0; i < len(lines); {
		start := i
		if lines[i] == "\n" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], tupleMark) {
			i++
		}
		p := piece{}
		if says, ok := strings.CutPrefix(lines[i], tupleMark); ok {
			p = parsePiece(f, says, lines[i+1:])
		}
		i += 1 + strings.Count(p.text, "\n")
		p.text = strings.Join(lines[start:i], "")
		out.pieces = append(out.pieces, p)
	}
	return out
}

// parsePiece takes those lines behind a tuple that are what ufw makes of it, as text.
func parsePiece(f family, says string, behind []string) piece {
	t, ok := parseTuple(says)
	if !ok || t.family().v6 != f.v6 {
		return piece{}
	}
	if t.protocol == both {
		return piece{tuple: &t, whole: true}
	}
	p := piece{tuple: &t}
	for i, r := range t.rules() {
		if i >= len(behind) || behind[i] != r.String() {
			return p
		}
		p.text += behind[i]
	}
	p.whole = true
	return p
}

// lines are what the file has, and ufw loads.
func (r *rulesFile) lines() []owner.Line {
	var out []owner.Line
	for _, p := range r.pieces {
		if p.tuple != nil && p.whole && p.tuple.protocol != both {
			out = append(out, p.tuple.line())
		}
	}
	return out
}

// set makes the file one without out and with in. A tuple takes the place of one that matches the same, as ufw does it; a
// new one comes last.
func (r *rulesFile) set(out, in []tuple) error {
	limited := r.limited()
	wanted := map[string]tuple{}
	for _, t := range in {
		wanted[t.key()] = t
	}
	var pieces []piece
	for _, p := range r.pieces {
		if p.tuple == nil || p.tuple.protocol == both {
			pieces = append(pieces, p)
			continue
		}
		key := p.tuple.key()
		t, replace := wanted[key]
		switch {
		case replace && p.whole && *p.tuple == t:
			pieces = append(pieces, p)
		case replace:
			pieces = append(pieces, newPiece(t))
		case !slices.Contains(out, *p.tuple):
			pieces = append(pieces, p)
		}
		delete(wanted, key)
	}
	r.pieces = pieces
	for _, t := range in {
		if _, ok := wanted[t.key()]; ok {
			r.pieces = slices.Insert(r.pieces, r.end(), newPiece(t))
		}
	}
	return r.setLimits(limited)
}

func newPiece(t tuple) piece {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s %s\n", tupleMark, t.text())
	for _, r := range t.rules() {
		text.WriteString(r.String())
	}
	return piece{text.String(), &t, true}
}

// end is where the next tuple comes: behind the last one, or where ufw would write the first.
func (r *rulesFile) end() int {
	if i := r.find(endMark); i >= 0 {
		if i > 0 && r.pieces[i-1].text == "\n" {
			i--
		}
		return i
	}
	at := r.find(rulesMark)
	for i, p := range r.pieces {
		if strings.HasPrefix(strings.TrimLeft(p.text, "\n"), tupleMark) {
			at = i
		}
	}
	chains := "-A " + r.family.prefix + "-user-"
	for at++; at < len(r.pieces); at++ {
		if text := r.pieces[at].text; !strings.HasPrefix(text, chains) || strings.HasPrefix(text, "-A "+r.family.limit()) {
			break
		}
	}
	return at
}

func (r *rulesFile) find(line string) int {
	return slices.IndexFunc(r.pieces, func(p piece) bool { return p.text == line })
}

// limited reports whether a tuple is a limit.
func (r *rulesFile) limited() bool {
	return slices.ContainsFunc(r.pieces, func(p piece) bool { return p.tuple != nil && p.tuple.action == limit })
}

// setLimits sees to the chains that a limit leads to. ufw writes them into every file, but the one for IPv6 that the
// package brings has none: with a limit it would let in nobody. They go when the last limit does.
func (r *rulesFile) setLimits(before bool) error {
	f, after := r.family, r.limited()
	if before == after {
		return nil
	}
	chains := []string{":" + f.limit() + " - [0:0]\n", ":" + f.limitAccept() + " - [0:0]\n"}
	there, packaged := r.find(chains[0]) >= 0, r.find(endMark) < 0
	switch {
	case after && !there && !packaged:
		return fmt.Errorf("cannot write a limit into %s: ufw has found that this kernel counts no connections (xt_recent): leave the rate out", f.file)
	case after && !there:
		r.insert(rulesMark, chains...)
		for _, l := range f.limits() {
			r.insert(commitMark, l.String())
		}
	case before && packaged && f.v6:
		for _, l := range f.limits() {
			chains = append(chains, l.String())
		}
		r.pieces = slices.DeleteFunc(r.pieces, func(p piece) bool { return slices.Contains(chains, p.text) })
	}
	return nil
}

// insert puts lines before another, or at the end where it is not there.
func (r *rulesFile) insert(before string, lines ...string) {
	at := r.find(before)
	if at < 0 {
		at = len(r.pieces)
	}
	for i, l := range lines {
		r.pieces = slices.Insert(r.pieces, at+i, piece{text: l})
	}
}

func (r *rulesFile) String() string {
	var out strings.Builder
	for _, p := range r.pieces {
		out.WriteString(p.text)
	}
	return out.String()
}
