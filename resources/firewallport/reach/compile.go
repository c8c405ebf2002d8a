package reach

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// table, chain and rule are the ruleset's with their expressions decoded.
type table struct {
	src    *ruleset.Table
	owner  string // in words, such as firewalld's
	chains []*chain
	sets   map[string]*index
}

type chain struct {
	src     *ruleset.Chain
	table   *table
	rules   []*rule
	accepts bool // whatever reaches it
}

type rule struct {
	src   *ruleset.Rule
	chain *chain
	ops   []op
	does  string
	// sources are ranges of addresses that matches of x_tables tell apart.
	sources [][2]netip.Addr
}

type compiler struct {
	o     Options
	known map[string]decode
}

func newCompiler(o Options) *compiler { return &compiler{o, decoders()} }

// leftOut reports whether a table is one of Options.Without.
func (c *compiler) leftOut(t *ruleset.Table) bool {
	return slices.Contains(c.o.Without, TableName{t.Family, t.Name})
}

func (c *compiler) table(src *ruleset.Table) *table {
	t := &table{src: src, owner: ownerOf(src), sets: map[string]*index{}}
	for name, s := range src.Sets {
		t.sets[name] = newIndex(s)
	}
	for _, ch := range src.Chains {
		t.chains = append(t.chains, &chain{
			src: ch, table: t,
			accepts: slices.Contains(c.o.Accept, ChainName{src.Family, src.Name, ch.Name}),
		})
	}
	// Chains first, since rules jump to later ones; by name in a map, for there may be thousands.
	byName := map[string]*chain{}
	for _, ch := range t.chains {
		byName[ch.src.Name] = ch
	}
	for _, ch := range t.chains {
		for _, r := range ch.src.Rules {
			ch.rules = append(ch.rules, newRule(ch, r, decoder{table: t, chains: byName, known: c.known}))
		}
	}
	return t
}

// decoder decodes the expressions of one rule.
type decoder struct {
	rule   *rule
	table  *table
	chains map[string]*chain
	known  map[string]decode
}

// decode decodes one sort of expression; nil means that it is not as it should be.
type decode func(*decoder, *args) op

func newRule(c *chain, src *ruleset.Rule, d decoder) *rule {
	r := &rule{src: src, chain: c}
	d.rule = r
	r.ops = d.all(src.Exprs)
	return r
}

// op decodes an expression. One that is not understood may match or not, or decide by itself.
func (d *decoder) op(e ruleset.Expr) op {
	a, err := newArgs(e.Data)
	if err != nil {
		return strange{e.Name}
	}
	f := d.known[e.Name]
	if f == nil {
		return strange{e.Name}
	}
	o := f(d, a)
	if a.err != nil || o == nil {
		return strange{e.Name}
	}
	return o
}

// does notes what a rule does in the end.
func (d *decoder) does(what string) {
	if d.rule == nil {
		return
	}
	if d.rule.does == "" || strings.HasPrefix(what, "reject") {
		d.rule.does = what
	}
}

// decoders are those of the expressions by their names (the kernel's net/netfilter/nft_*.c).
func decoders() map[string]decode {
	return map[string]decode{
		"payload": (*decoder).payload, "meta": (*decoder).meta, "ct": (*decoder).ct, "fib": (*decoder).fib,
		"exthdr": (*decoder).exthdr, "rt": loads("the route", 1), "socket": loads("the socket", 2), "osf": loads("the operating system of who sent it", 1),
		"numgen": (*decoder).numgen, "hash": (*decoder).hash, "xfrm": loads("IPsec", 1), "tunnel": loads("the tunnel", 2),
		"cmp": (*decoder).cmp, "range": (*decoder).rangeOf, "bitwise": (*decoder).bitwise, "byteorder": (*decoder).byteorder,
		"immediate": (*decoder).immediate, "lookup": (*decoder).lookup, "dynset": (*decoder).dynset, "objref": (*decoder).objref,
		"limit": (*decoder).limit, "quota": (*decoder).quota, "connlimit": (*decoder).connlimit,
		"reject": (*decoder).reject, "nat": (*decoder).nat, "redir": (*decoder).redir, "masq": (*decoder).masq,
		"tproxy": (*decoder).tproxy, "queue": (*decoder).queue, "fwd": (*decoder).fwd, "synproxy": (*decoder).synproxy,
		"notrack": (*decoder).notrack, "counter": passes, "log": passes, "last": passes, "dup": passes, "flow_offload": passes,
		"match": (*decoder).match, "target": (*decoder).target,
	}
}

// later is a decoder for use while packets are evaluated, which leaves the rule as it is.
func (d *decoder) later() decoder { return decoder{nil, d.table, d.chains, d.known} }

// all decodes several, such as those that elements have.
func (d *decoder) all(exprs []ruleset.Expr) []op {
	var out []op
	for _, e := range exprs {
		out = append(out, d.op(e))
	}
	return out
}

// passes is an expression that does nothing to the packet's way.
func passes(*decoder, *args) op { return nothing{} }

type nothing struct{}

func (nothing) run(*exec) result { return result{} }

// strange is an expression of which nothing is known.
type strange struct{ name string }

func (s strange) run(x *exec) result {
	why := "it uses " + s.name + ", which is not understood"
	x.regs.forget(0, why)
	res := either(why)
	res.alts = append(res.alts, alt{fate: undecided, kind: unsure, why: why})
	return res
}

// either follows both ways of a match that is not known.
func either(why string) result {
	return result{alts: []alt{{fate: next, kind: unsure, why: why}, {fate: brk, kind: unsure, why: why}}}
}

// matches is the result of a match.
func matches(t tri, why string) result {
	switch t {
	case yes:
		return result{fate: next}
	case no:
		return result{fate: brk}
	}
	return either(why)
}

// usually is the result of a match that comes out one way as long as something is as usual, and the other otherwise.
func usually(match bool, k kind, why string) result {
	fates := [2]fate{brk, next}
	if match {
		fates = [2]fate{next, brk}
	}
	return result{alts: []alt{{fate: fates[0]}, {fate: fates[1], kind: k, why: why}}}
}

// args are the attributes of an expression. The first that is not as it should be is an error.
type args struct {
	of  map[uint16][]byte
	err error
}

func newArgs(data []byte) (*args, error) {
	m, err := attr.Map(data)
	return &args{of: m}, err
}

func (a *args) has(kind uint16) bool {
	_, ok := a.of[kind]
	return ok
}

// number reads one that may be left out.
func (a *args) number(kind uint16) uint32 {
	b, ok := a.of[kind]
	if !ok {
		return 0
	}
	if len(b) == 1 {
		return uint32(b[0])
	}
	v, err := attr.Uint32(b)
	if err != nil && a.err == nil {
		a.err = err
	}
	return v
}

func (a *args) text(kind uint16) string { return attr.String(a.of[kind]) }

// value reads bytes (NFTA_DATA_VALUE).
func (a *args) value(kind uint16) []byte {
	v, _, err := ruleset.Data(a.of[kind])
	if err != nil && a.err == nil {
		a.err = err
	}
	return v
}

// register reads the number of a register and returns where it begins: NFT_REG_1 to 4 are of sixteen bytes,
// NFT_REG32_00 (8) and those after it of four, in the same place. At that place n bytes must fit.
func (a *args) register(kind uint16, n int) int {
	at := -1
	switch r := int(a.number(kind)); {
	case r >= 1 && r <= 4:
		at = 16 * r
	case r >= 8 && r <= 23:
		at = 4 * (r - 8 + 4)
	}
	if a.err == nil && (at < 0 || n < 0 || n > registerBytes || at+(n+3)&^3 > registerBytes) {
		a.err = attr.ErrShort
	}
	return max(at, 0)
}

// optional is register, or -1 where there is none.
func (a *args) optional(kind uint16, n int) int {
	if !a.has(kind) {
		return -1
	}
	return a.register(kind, n)
}
