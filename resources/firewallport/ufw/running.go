package ufw

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// SetRunning changes the rules in the kernel, first those of IPv4 and then those of IPv6, each in one transaction.
func (Owner) SetRunning(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	for _, f := range []family{ipv4(), ipv6()} {
		less, more, err := halves(out, in, f)
		if err != nil {
			return err
		}
		if len(less)+len(more) == 0 {
			continue
		}
		if err := setRunning(ctx, h, f, less, more); err != nil {
			return err
		}
	}
	return nil
}

func setRunning(ctx context.Context, h *host.Host, f family, out, in []tuple) error {
	err := tryRunning(ctx, h, f, out, in, false)
	if _, ok := errors.AsType[*host.ProgramError](err); ok {
		// Nothing was changed. Either another did so meanwhile, or a rule cannot be named by what it says: one that was
		// loaded from what iptables-save prints has a mask that is not, byte for byte, that of ufw's.
		err = tryRunning(ctx, h, f, out, in, true)
	}
	return err
}

func tryRunning(ctx context.Context, h *host.Host, f family, out, in []tuple, numbers bool) error {
	file, err := readFile(h.View(), f)
	if err != nil {
		return err
	}
	k, err := readKernel(ctx, h.View(), f)
	if _, ok := errors.AsType[*notLoadedError](err); ok && len(in) == 0 {
		return nil // as of IPv6, once ufw was told to leave it alone
	}
	if err != nil {
		return err
	}
	b := &batch{kernel: k, numbers: numbers}
	b.set(own(k.spans(), file), out, in)
	if len(b.commands) == 0 {
		return nil
	}
	input := "*filter\n" + strings.Join(b.commands, "") + "COMMIT\n"
	// With -n all else in the table stays; -w waits for the lock of the iptables of old, in seconds.
	if _, err := h.Programs.RunInput(ctx, []byte(input), f.restore, "-w", "10", "-n"); err != nil {
		return fmt.Errorf("cannot change what runs of ufw: %w", err)
	}
	return nil
}

// batch is commands of iptables-restore(8), and the kernel as it is after them.
type batch struct {
	*kernel
	commands []string
	// numbers has rules taken away by their numbers.
	numbers bool
}

// set takes out away and puts in, each in the place of what matches the same and else at the end, where ufw puts it. What is
// left of a tuple whose rules somebody took away in part goes too.
func (b *batch) set(spans []span, out, in []tuple) {
	wanted, unwanted, matched := map[string]tuple{}, map[string]bool{}, map[string]bool{}
	for _, t := range out {
		t.comment = ""
		unwanted[t.text()], matched[t.key()] = true, true
	}
	for _, t := range in {
		t.comment = ""
		wanted[t.key()] = t
	}
	done := map[string]bool{}
	at := 0
	for _, s := range spans {
		if !s.known && !s.remains {
			at += s.n
			continue
		}
		key := s.tuple.key()
		t, replace := wanted[key]
		switch {
		case replace && !done[key] && s.known && s.tuple == t:
			at += s.n
		case replace && !done[key]:
			at += b.insert(at, t)
			b.delete(at, s)
		case replace, s.known && unwanted[s.tuple.text()], s.remains && matched[key]:
			b.delete(at, s)
		default:
			at += s.n
		}
		done[key] = done[key] || replace
	}
	for _, t := range in {
		if t.comment = ""; !done[t.key()] {
			b.insert(len(b.chains[b.family.input()]), t)
		}
	}
}

// insert puts the rules of a tuple at a place of the input chain, and returns how many they are there.
func (b *batch) insert(at int, t tuple) int {
	f := b.family
	if t.action == limit {
		b.limits()
	}
	logAt := b.logged(at)
	n := 0
	for _, r := range t.rules() {
		if r.chain == f.logging() {
			b.add(f.logging(), logAt, r.spec)
			logAt++
			continue
		}
		b.add(f.input(), at+n, r.spec)
		n++
	}
	return n
}

// logged is the place in the logging chain of what is logged at a place of the input chain. Both have the same order: what
// logs ends with a rule that returns what it is about. A rule that returns everything is at the top when logging is off.
func (b *batch) logged(at int) int {
	before := 0
	for _, r := range b.chains[b.family.input()][:at] {
		if slices.Contains(r.options, option{"-j", b.family.logging()}) {
			before++
		}
	}
	place := 0
	for i, r := range b.chains[b.family.logging()] {
		if !slices.Contains(r.options, option{"-j", "RETURN"}) {
			continue
		}
		if everything := len(r.options) == 1; everything && place == i {
			place = i + 1
		} else if !everything && before > 0 {
			place, before = i+1, before-1
		}
	}
	return place
}

// limits makes the chains that a limit leads to what they are after a reload. When ufw is switched on for the first time,
// and at a boot before that, those of IPv6 have been left without the rules that let in and that keep out.
func (b *batch) limits() {
	f := b.family
	fresh := len(b.chains[f.limit()]) == 0
	for _, r := range f.limits() {
		rules, there := b.chains[r.chain]
		if !there {
			b.commands = append(b.commands, ":"+r.chain+" - [0:0]\n")
		}
		does := same(options(r.spec))
		logs := strings.Contains(r.spec, "-j LOG")
		if !slices.ContainsFunc(rules, func(l loaded) bool { return l.does == does }) && (!logs || fresh) {
			b.add(r.chain, len(rules), r.spec)
		}
	}
}

func (b *batch) add(chain string, at int, spec string) {
	if at == len(b.chains[chain]) {
		b.commands = append(b.commands, "-A "+chain+" "+spec+"\n")
	} else {
		b.commands = append(b.commands, fmt.Sprintf("-I %s %d %s\n", chain, at+1, spec))
	}
	b.chains[chain] = slices.Insert(b.chains[chain], at, newLoaded(spec))
}

// delete takes the rules of a span away.
func (b *batch) delete(at int, s span) {
	for range s.n {
		b.remove(b.family.input(), at)
	}
	if !s.known {
		return
	}
	for _, r := range s.tuple.rules() {
		does := same(options(r.spec))
		is := func(l loaded) bool { return l.does == does }
		if i := slices.IndexFunc(b.chains[b.family.logging()], is); r.chain == b.family.logging() && i >= 0 {
			b.remove(b.family.logging(), i)
		}
	}
}

// remove takes one rule away, by what it says, so that what came into the chain meanwhile stays. Where an earlier one says
// the same it is by its number.
func (b *batch) remove(chain string, at int) {
	rules := b.chains[chain]
	gone := rules[at]
	if !b.numbers && slices.IndexFunc(rules, func(l loaded) bool { return l.does == gone.does }) == at {
		b.commands = append(b.commands, "-D "+chain+" "+asWritten(gone.spec)+"\n")
	} else {
		b.commands = append(b.commands, fmt.Sprintf("-D %s %d\n", chain, at+1))
	}
	b.chains[chain] = slices.Delete(rules, at, at+1)
}

// asWritten is a rule without what iptables-save adds to one that counts: with the mask spelled out it would be another.
func asWritten(spec string) string {
	before, rest, counts := strings.Cut(spec, " --name DEFAULT --mask ")
	if _, after, ok := strings.Cut(rest, " --rsource"); counts && ok {
		return before + after
	}
	return spec
}
