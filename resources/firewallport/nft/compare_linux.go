package nft

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// mostDamage is how many differences are told.
const mostDamage = 4

// differences says in words how the table that was found is not the one that our lines make; "" for not at all.
func differences(found *ruleset.Table, want table) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if found.Dormant {
		say("table inet %s sleeps (dormant)", tableName)
	} else if found.Flags != 0 {
		say("table inet %s has flags that are not ours (%#x)", tableName, found.Flags)
	}
	for _, o := range found.Objects {
		say("object %s is not ours", o.Name)
	}
	wanted := map[string]bool{}
	for _, s := range want.sets {
		wanted[s.name] = true
		compareSet(found.Sets[s.name], s, say)
	}
	for _, name := range slices.Sorted(maps.Keys(found.Sets)) {
		if !wanted[name] {
			say("set %s is not ours", name)
		}
	}
	for _, c := range want.chains {
		wanted["chain "+c.name] = true
		compareChain(found.Chain(c.name), c, say)
	}
	for _, c := range found.Chains {
		if !wanted["chain "+c.Name] {
			say("chain %s is not ours", c.Name)
		}
	}
	return list(all)
}

// list is the first of many things.
func list(all []string) string {
	if more := len(all) - mostDamage; more > 0 {
		all = append(all[:mostDamage:mostDamage], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, "; ")
}

func compareSet(found *ruleset.Set, want set, say func(string, ...any)) {
	if found == nil {
		say("set %s is missing", want.name)
		return
	}
	flags := uint32(0)
	if want.of.interval() {
		flags = ruleset.SetInterval
	}
	datatype := want.of.datatype()
	if found.Flags != flags || found.KeyType != datatype.GetNFTMagic() || int(found.KeyLen) != want.of.length() ||
		found.DataLen != 0 || found.ObjectType != 0 || found.Timeout != 0 || found.Size != 0 || len(found.Exprs) > 0 {
		say("set %s is of another type", want.name)
		return
	}
	for _, e := range found.Elements {
		if e.CatchAll || e.KeyEnd != nil || e.Value != nil || e.Verdict != nil || e.Object != "" || e.Timeout != 0 || len(e.Exprs) > 0 {
			say("set %s has an element that is not ours", want.name)
			return
		}
	}
	ours := make(map[string]bool, len(want.spans))
	for _, s := range want.spans {
		ours[s.whole()] = true
	}
	for _, s := range spans(found, want.of) {
		if !ours[s.whole()] {
			say("set %s has an element that is not ours (%s)", want.name, s.write(want.of))
		}
		delete(ours, s.whole())
	}
	for _, s := range want.spans {
		if ours[s.whole()] {
			say("set %s lacks %s", want.name, s.write(want.of))
		}
	}
}

// whole is all of a span, to compare by.
func (s span) whole() string { return string(s.first) + string(s.last) + s.comment }

func compareChain(found *ruleset.Chain, want chain, say func(string, ...any)) {
	if found == nil {
		say("chain %s is missing", want.name)
		return
	}
	compareBase(found, want, say)
	var ours []string
	for _, r := range want.rules {
		ours = append(ours, r.comment+"\x00"+canonical(r.exprs(nil)))
	}
	var theirs []string
	for _, r := range found.Rules {
		theirs = append(theirs, r.Comment+"\x00"+canonicalFound(r.Exprs))
	}
	if slices.Equal(ours, theirs) {
		return
	}
	left := slices.Clone(ours)
	told := false
	for i, r := range theirs {
		if at := slices.Index(left, r); at >= 0 {
			left = slices.Delete(left, at, at+1)
			continue
		}
		told = true
		say("chain %s has a rule that is not ours (handle %d)", want.name, found.Rules[i].Handle)
	}
	for _, r := range left {
		told = true
		say("chain %s lacks the rule: %s", want.name, want.rules[slices.Index(ours, r)].say())
	}
	if !told {
		say("chain %s has its rules in another order", want.name)
	}
}

// compareBase compares where a chain is called.
func compareBase(found *ruleset.Chain, want chain, say func(string, ...any)) {
	b := found.Base
	switch {
	case b == nil && want.base:
		say("chain %s is not called for packets that come in", want.name)
	case b != nil && !want.base:
		say("chain %s is called by the kernel itself", want.name)
	case b == nil:
	case b.Type != string(nftables.ChainTypeFilter) || b.Hook != unix.NF_INET_LOCAL_IN || len(b.Devices) > 0:
		say("chain %s is at another hook", want.name)
	case b.Priority != int32(*nftables.ChainPriorityFilter):
		say("chain %s has the priority %d", want.name, b.Priority)
	case b.Drop:
		say("chain %s has the policy drop", want.name)
	}
}

// canonical is one form of expressions that are to be sent.
func canonical(all []expr.Any) string {
	var out []string
	for _, e := range all {
		b, err := expr.Marshal(unix.NFPROTO_INET, e)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		m, err := attr.Map(b)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		out = append(out, oneForm(attr.String(m[unix.NFTA_EXPR_NAME]), m[unix.NFTA_EXPR_DATA]))
	}
	return strings.Join(out, "\n")
}

// canonicalFound is the same form of expressions that the kernel tells of.
func canonicalFound(all []ruleset.Expr) string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = oneForm(e.Name, e.Data)
	}
	return strings.Join(out, "\n")
}

// nested are the attributes of expressions whose value is NFTA_DATA_*, so that how they are flagged does not count.
func nested() map[string][]uint16 {
	return map[string][]uint16{
		"cmp":       {unix.NFTA_CMP_DATA},
		"bitwise":   {unix.NFTA_BITWISE_MASK, unix.NFTA_BITWISE_XOR},
		"immediate": {unix.NFTA_IMMEDIATE_DATA},
	}
}

// oneForm is an expression with its attributes in order. A number that is 0 says what its absence says (the kernel adds
// some), and the number of a set within a batch is forgotten with the batch.
func oneForm(name string, data []byte) string {
	var all []string
	err := attr.Each(data, func(kind uint16, value []byte) error {
		zero := len(value) == 4 && string(value) == "\x00\x00\x00\x00"
		if zero || len(value) == 0 || name == "lookup" && kind == unix.NFTA_LOOKUP_SET_ID {
			return nil
		}
		if !slices.Contains(nested()[name], kind) {
			all = append(all, fmt.Sprintf("%d=%s", kind, hex.EncodeToString(value)))
			return nil
		}
		b, verdict, err := ruleset.Data(value)
		if verdict != nil {
			all = append(all, fmt.Sprintf("%d=%d %q", kind, verdict.Code, verdict.Chain))
		} else {
			all = append(all, fmt.Sprintf("%d=%s", kind, hex.EncodeToString(b)))
		}
		return err
	})
	if err != nil {
		return "unreadable " + name + " " + hex.EncodeToString(data)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(a, b) })
	return name + " " + strings.Join(all, " ")
}
