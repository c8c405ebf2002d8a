package ufw

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// loaded is a rule that runs.
type loaded struct {
	// spec is the rule as iptables-save(8) prints it, or as it was just added; does is the same for rules that do the same.
	spec, does string
	options    []option
}

func newLoaded(spec string) loaded {
	os := options(spec)
	return loaded{spec, same(os), os}
}

// kernel is the rules of one family that run, by chain.
type kernel struct {
	family family
	chains map[string][]loaded
}

// notLoadedError says that ufw is switched on and that nothing of it runs.
type notLoadedError struct{ family family }

func (e *notLoadedError) Error() string {
	return fmt.Sprintf("cannot tell who owns the firewall: ufw is switched on in %s, but not loaded: there is no chain %s; run ufw reload, or ufw disable",
		confFile, e.family.input())
}

// readKernel reads them. Without ufw's chain it is a notLoadedError.
func readKernel(ctx context.Context, v host.View, f family) (*kernel, error) {
	out, err := v.Programs.Query(ctx, f.save, "-t", "filter")
	if err != nil {
		return nil, fmt.Errorf("cannot tell what runs of ufw: %w", err)
	}
	if strings.Contains(string(out.Stdout), "# Table `filter' is incompatible") {
		return nil, fmt.Errorf("cannot tell what runs of ufw: the table filter has rules that no iptables has made: nft list ruleset shows them (%s)", strings.TrimSpace(string(out.Stdout)))
	}
	k := parseKernel(f, string(out.Stdout))
	if _, ok := k.chains[f.input()]; !ok {
		return nil, &notLoadedError{f}
	}
	return k, nil
}

func parseKernel(f family, text string) *kernel {
	k := &kernel{f, map[string][]loaded{}}
	filter := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if table, ok := strings.CutPrefix(line, "*"); ok {
			filter = table == "filter"
		}
		if !filter {
			continue
		}
		if chain, ok := strings.CutPrefix(line, ":"); ok {
			chain, _, _ = strings.Cut(chain, " ")
			k.chains[chain] = nil
		}
		if rest, ok := strings.CutPrefix(line, "-A "); ok {
			chain, spec, _ := strings.Cut(rest, " ")
			k.chains[chain] = append(k.chains[chain], newLoaded(spec))
		}
	}
	return k
}

// span is rules in a row of the input chain that are those of a tuple.
type span struct {
	tuple tuple
	n     int
	// known says that they are: the others are anybody's, or what is left of a tuple's.
	known bool
	// remains says that they are left of a tuple that matches the same, such as a limit without the rule that counts.
	remains bool
}

// spans takes the input chain apart.
func (k *kernel) spans() []span {
	chain := k.chains[k.family.input()]
	logging := map[string]bool{}
	for _, r := range k.chains[k.family.logging()] {
		logging[r.does] = true
	}
	var out []span
	for i := 0; i < len(chain); {
		s := k.span(chain[i:], logging)
		out = append(out, s)
		i += s.n
	}
	return out
}

// span is what the rules begin with.
func (k *kernel) span(rules []loaded, logging map[string]bool) span {
	base, ok := k.base(rules[0].options)
	if !ok {
		return span{n: 1}
	}
	candidates, part := k.candidates(base, rules[0].options)
	for _, t := range candidates {
		if inputs, whole := k.made(t, logging); whole && startsWith(rules, inputs) {
			return span{tuple: t, n: len(inputs), known: true}
		}
	}
	return span{tuple: base, n: 1, remains: part}
}

// candidates are the tuples whose rules may begin with one, and whether it can be no more than part of them.
func (k *kernel) candidates(base tuple, os []option) (out []tuple, part bool) {
	jump := ""
	if i := slices.IndexFunc(os, func(o option) bool { return o.name == "-j" }); i >= 0 {
		jump = os[i].value
	}
	with := func(action, log string) tuple {
		t := base
		t.action, t.log = action, log
		return t
	}
	switch jump {
	case "ACCEPT":
		return []tuple{with(allow, "")}, false
	case "DROP":
		return []tuple{with(deny, "")}, false
	case "REJECT":
		return []tuple{with(reject, "")}, false
	case "":
		if slices.Contains(os, option{"--set", ""}) {
			return []tuple{with(limit, "")}, true
		}
	case k.family.limit(), k.family.limitAccept():
		return nil, true
	case k.family.logging():
		for _, action := range []string{allow, deny, reject, limit} {
			out = append(out, with(action, "log"), with(action, "log-all"))
		}
		return out, true
	}
	return nil, false
}

// made is what the tuple's rules do in the input chain, and whether those in the logging chain are there.
func (k *kernel) made(t tuple, logging map[string]bool) (inputs []string, whole bool) {
	whole = true
	for _, r := range t.rules() {
		does := same(options(r.spec))
		if r.chain == k.family.input() {
			inputs = append(inputs, does)
		} else {
			whole = whole && logging[does]
		}
	}
	return inputs, whole
}

func startsWith(rules []loaded, inputs []string) bool {
	if len(rules) < len(inputs) {
		return false
	}
	for i, does := range inputs {
		if rules[i].does != does {
			return false
		}
	}
	return true
}

// base is a tuple that matches what a rule does, if one can.
func (k *kernel) base(os []option) (tuple, bool) {
	t := tuple{}
	t.source, _ = parseSource(k.family.anywhere)
	ports := false
	for _, o := range os {
		ok := true
		switch o.name {
		case "-p":
			t.protocol, ok = o.value, o.value == "tcp" || o.value == "udp"
		case "--dport", "--dports":
			t.ports, ok = parsePorts(o.value)
			ports = true
		case "-s":
			t.source, ok = parseSource(o.value)
		case "-i":
			t.iface = o.value
		case "-m":
			ok = o.value == "conntrack" || o.value == "recent" || o.value == "multiport"
		case "-j", "--ctstate", "--set", "--update", "--seconds", "--hitcount", "--reject-with":
		default:
			ok = false
		}
		if !ok {
			return t, false
		}
	}
	return t, ports && t.protocol != ""
}

// own makes nobody's those spans that are another's: the rules of a tuple for tcp and udp look like those of two tuples.
// Where the file has both, and the kernel the rules of one, they are the other's.
func own(spans []span, file *rulesFile) []span {
	others := map[string][]bool{} // of each tuple of the file that has such rules, in order
	for _, p := range file.pieces {
		if p.tuple == nil {
			continue
		}
		t := *p.tuple
		t.comment = ""
		if t.protocol != both {
			others[t.text()] = append(others[t.text()], false)
			continue
		}
		for _, t.protocol = range []string{"tcp", "udp"} {
			others[t.text()] = append(others[t.text()], true)
		}
	}
	total, seen := map[string]int{}, map[string]int{}
	for _, s := range spans {
		total[s.tuple.text()]++
	}
	for i, s := range spans {
		text := s.tuple.text()
		expected, n := others[text], seen[text]
		seen[text]++
		if total[text] < len(expected) || n < len(expected) && expected[n] {
			spans[i] = span{n: s.n}
		}
	}
	return spans
}

// lines are the tuples whose rules run, without comments, of which the kernel knows nothing.
func (k *kernel) lines(file *rulesFile) []owner.Line {
	var out []owner.Line
	for _, s := range own(k.spans(), file) {
		if s.known {
			out = append(out, s.tuple.line())
		}
	}
	return out
}
