package journal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// ledger holds each entry as a line of the snapshot, which is taken apart when it is asked for:
// a start reads ten thousand of them and most runs look at few.
type ledger struct {
	// lines are in the order in which they came; "" is one that was released.
	lines []string
	index map[engine.Claim]int
}

// detail is the part of a line that is decoded last.
type detail struct {
	Needs     []engine.Claim  `json:"needs,omitempty"`
	DependsOn []engine.Addr   `json:"depends_on,omitempty"`
	Spec      engine.Recorded `json:"spec"`
	Before    engine.Recorded `json:"before,omitzero"`
	Whole     bool            `json:"whole,omitempty"`
	Texts     texts           `json:"texts,omitempty"`
}

// The fields of a line, between tabs.
const (
	lineClaims = iota
	linePlan
	lineAddr
	lineKind
	lineDigest
	lineFlags
	lineDetail
	lineFields
)

// apply makes e's change. The same changes in the same order always make the same ledger.
func (l *ledger) apply(e effect) error {
	if e.Release != "" {
		l.release(e.Release)
	}
	if e.Set != nil {
		return l.set(e.Set)
	}
	return nil
}

// set enters k in place of the entry with the same identity, else at the end. What k claims no
// other entry does any more.
func (l *ledger) set(k *kept) error {
	line, err := encodeLine(k)
	if err != nil {
		return err
	}
	at, known := l.index[k.Claims[0]]
	if known && l.claims(at)[0] == k.Claims[0] {
		l.forget(at)
	} else {
		at = len(l.lines)
		l.lines = append(l.lines, "")
	}
	for _, c := range k.Claims {
		if err := l.yield(c, at); err != nil {
			return err
		}
	}
	l.add(at, line)
	return nil
}

// yield takes the claim c away from the entry that has it; one whose identity it is goes with it.
func (l *ledger) yield(c engine.Claim, to int) error {
	at, held := l.index[c]
	if !held || at == to {
		return nil
	}
	claims := l.claims(at)
	if claims[0] == c {
		l.forget(at)
		return nil
	}
	k, err := l.at(at)
	if err != nil {
		return err
	}
	l.forget(at)
	k.Claims = nil
	for _, other := range claims {
		if other != c {
			k.Claims = append(k.Claims, other)
		}
	}
	line, err := encodeLine(k)
	if err == nil {
		l.add(at, line)
	}
	return err
}

func (l *ledger) add(at int, line string) {
	l.lines[at] = line
	for _, c := range l.claims(at) {
		l.index[c] = at
	}
}

// release forgets the entry whose claims hold c.
func (l *ledger) release(c engine.Claim) {
	if at, ok := l.index[c]; ok {
		l.forget(at)
	}
}

func (l *ledger) forget(at int) {
	for _, c := range l.claims(at) {
		delete(l.index, c)
	}
	l.lines[at] = ""
}

// claims returns the claims of a line that is there.
func (l *ledger) claims(at int) []engine.Claim {
	field, _, _ := strings.Cut(l.lines[at], "\t")
	out := make([]engine.Claim, 0, 1)
	for c := range strings.SplitSeq(field, " ") {
		out = append(out, engine.Claim(unescape(c)))
	}
	return out
}

func (l *ledger) head(c engine.Claim) (engine.Head, bool) {
	at, ok := l.index[c]
	if !ok {
		return engine.Head{}, false
	}
	return headOf(fields(l.lines[at])), true
}

func headOf(f [lineFields]string) engine.Head {
	has := func(flag string) bool { return strings.Contains(f[lineFlags], flag) }
	return engine.Head{
		Plan: unescape(f[linePlan]), Addr: engine.Addr(unescape(f[lineAddr])), Kind: unescape(f[lineKind]),
		Digest: unescape(f[lineDigest]), Absent: has("a"), Keep: has("k"), Implied: has("i"), PreventRemoval: has("p"),
	}
}

// entry returns the entry whose claims hold c, or nil.
func (l *ledger) entry(c engine.Claim) (*kept, error) {
	at, ok := l.index[c]
	if !ok {
		return nil, nil
	}
	return l.at(at)
}

func (l *ledger) at(at int) (*kept, error) {
	f := fields(l.lines[at])
	var d detail
	if err := json.Unmarshal([]byte(f[lineDetail]), &d); err != nil {
		return nil, fmt.Errorf("cannot read the ledger's entry of %s: %w", unescape(f[lineAddr]), err)
	}
	k := &kept{Texts: d.Texts}
	k.Entry = engine.Entry{
		Head: headOf(f), Claims: l.claims(at), Needs: d.Needs, DependsOn: d.DependsOn, Spec: d.Spec, Before: d.Before, Whole: d.Whole,
	}
	return k, nil
}

func (l *ledger) owned(plan string) []engine.Claim {
	var out []engine.Claim
	for at, line := range l.lines {
		if line == "" {
			continue
		}
		_, rest, _ := strings.Cut(line, "\t")
		if name, _, _ := strings.Cut(rest, "\t"); unescape(name) == plan {
			out = append(out, l.claims(at)[0])
		}
	}
	return out
}

func (l *ledger) ofKind(name string) []engine.Claim {
	var out []engine.Claim
	for at, line := range l.lines {
		if line != "" && unescape(fields(line)[lineKind]) == name {
			out = append(out, l.claims(at)[0])
		}
	}
	return out
}

// plans lists the names of the plans that have an entry, sorted.
func (l *ledger) plans() []string {
	names := map[string]bool{}
	for _, line := range l.lines {
		if line != "" {
			names[unescape(fields(line)[linePlan])] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// fields takes a line apart; its number of fields was checked when it was read.
func fields(line string) (f [lineFields]string) {
	for i := range lineFields - 1 {
		f[i], line, _ = strings.Cut(line, "\t")
	}
	f[lineDetail] = line
	return f
}

func encodeLine(k *kept) (string, error) {
	if !claimed(k.Claims) {
		return "", errNoClaim
	}
	js, err := json.Marshal(detail{k.Needs, k.DependsOn, k.Spec, k.Before, k.Whole, k.Texts})
	if err != nil {
		return "", err
	}
	claims := make([]string, len(k.Claims))
	for i, c := range k.Claims {
		claims[i] = escape(string(c))
	}
	flags := ""
	for _, f := range []struct {
		set  bool
		flag string
	}{{k.Absent, "a"}, {k.Keep, "k"}, {k.Implied, "i"}, {k.PreventRemoval, "p"}} {
		if f.set {
			flags += f.flag
		}
	}
	return strings.Join([]string{
		strings.Join(claims, " "), escape(k.Plan), escape(string(k.Addr)), escape(k.Kind), escape(k.Digest), flags,
		string(js),
	}, "\t"), nil
}

// same reports whether a and b are the same entry.
func same(a, b *kept) bool {
	if a == nil || b == nil {
		return a == b
	}
	one, err := encodeLine(a)
	other, otherErr := encodeLine(b)
	return err == nil && otherErr == nil && one == other
}

// escape keeps the characters that separate out of a field.
func escape(s string) string {
	if !strings.ContainsAny(s, "% \t\n") {
		return s
	}
	return strings.NewReplacer("%", "%25", " ", "%20", "\t", "%09", "\n", "%0A").Replace(s)
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return strings.NewReplacer("%25", "%", "%20", " ", "%09", "\t", "%0A", "\n").Replace(s)
}
