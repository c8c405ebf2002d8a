package firewallport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/link"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/nft"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Prove follows new connections to the ports through every rule of the host, whoever made it, and says which one of whom
// keeps them out, or, where the ports are to be absent, which lets them in.
func (resource) Prove(ctx context.Context, v host.View, spec *Spec, pending bool) (warning, err error) {
	if v.Offline || spec.Found || spec.Gone && pending {
		return nil, nil
	}
	rule, err := spec.rule()
	if err != nil {
		return nil, err
	}
	p, err := prover(ctx, v, spec.Backend, pending)
	if err != nil {
		err = fmt.Errorf("cannot tell whether packets get through: %w", err)
		if spec.Strict {
			return nil, err
		}
		return err, nil
	}
	found := p.opened(rule)
	if spec.Gone {
		found = p.closed(rule)
	}
	switch {
	case found == nil:
		return p.blind, nil
	case spec.Strict && found.certain:
		return p.blind, found
	}
	return errors.Join(found, p.blind), nil
}

// finding is a packet that does not fare as the block says.
type finding struct {
	text    string
	certain bool
}

func (f *finding) Error() string { return f.text }

// proof is what it takes to follow packets through the rules of a host.
type proof struct {
	rules *reach.Evaluator
	links []link.Interface
	blind error // what could not be looked at
	// untouched says that no base chain of anybody but ours looks at packets that come in.
	untouched bool
}

// proofKey is under which one pass of reading remembers how packets fare: as things are, or as they will be once an owner
// let everything in.
type proofKey struct{ pending string }

type readProof struct {
	*proof
	err error
}

// prover reads all rules and prepares them, once in a pass. Pending, the owner's own rules are taken to let in what is
// wanted, as they are about to.
func prover(ctx context.Context, v host.View, backend string, pending bool) (*proof, error) {
	key, options := proofKey{}, reach.Options{}
	all, err := ruleset.InPass(ctx, v)
	if err != nil {
		return nil, err
	}
	if pending {
		own, err := active(ctx, v, backend)
		if err != nil {
			return nil, err
		}
		key.pending, options = own.Name(), onceLetIn(own, all)
	}
	got := host.Once(v.Files, key, func() readProof {
		p := &proof{}
		var err error
		if p.links, err = interfaces(ctx, v); err != nil {
			return readProof{nil, err}
		}
		for _, l := range append(slices.Clone(p.links), unconnected()) {
			for _, a := range l.Addresses {
				options.Local = append(options.Local, a.Addr())
			}
		}
		p.rules, p.untouched = reach.New(all, options), onlyOurs(all)
		if legacy, err := reach.Legacy(v.Files); err != nil || len(legacy) > 0 {
			p.blind = errors.Join(err, fmt.Errorf("the kernel also has rules of the older iptables (%s), which are not looked at: "+
				"they may keep packets out; iptables-legacy-save lists them", strings.Join(legacy, ", ")))
		}
		return readProof{p, nil}
	})
	return got.proof, got.err
}

// onceLetIn are options by which the rules of an owner let in what reaches them.
func onceLetIn(own owner.Owner, all *ruleset.Ruleset) reach.Options {
	o := reach.Options{}
	if own.Name() == (nft.Owner{}).Name() {
		o.Without = []reach.TableName{{Family: ruleset.Inet, Table: "agent0"}}
	}
	for _, t := range all.Tables {
		for _, c := range t.Chains {
			opens := own.Name() == "firewalld" && t.Name == "firewalld" && strings.HasPrefix(c.Name, "filter_IN_") && strings.HasSuffix(c.Name, "_allow") ||
				own.Name() == "ufw" && (c.Name == "ufw-user-input" || c.Name == "ufw6-user-input")
			if opens {
				o.Accept = append(o.Accept, reach.ChainName{Family: t.Family, Table: t.Name, Chain: c.Name})
			}
		}
	}
	return o
}

// onlyOurs reports whether nobody but us has a base chain.
func onlyOurs(all *ruleset.Ruleset) bool {
	for _, t := range all.Tables {
		if t.Family == ruleset.Inet && t.Name == "agent0" {
			continue
		}
		if slices.ContainsFunc(t.Chains, func(c *ruleset.Chain) bool { return c.Base != nil }) {
			return false
		}
	}
	return true
}

// opened finds a packet that the rule lets in and the host does not.
func (p *proof) opened(r owner.Rule) *finding {
	if p.untouched {
		return nil // our own rules are compared one by one
	}
	var doubt *finding
	for packet := range p.packets(r) {
		v := p.rules.Evaluate(packet)
		switch {
		case v.Outcome == reach.Accept:
			continue
		case v.Outcome == reach.Unknown && doubt == nil:
			doubt = &finding{fmt.Sprintf("%s may not get in: %s", spoken(packet), because(v)), false}
		case v.Outcome != reach.Unknown:
			return &finding{fmt.Sprintf("%s does not get in: %s", spoken(packet), by(v.By)), true}
		}
	}
	return doubt
}

// closed finds a packet that is to be kept out and that the host lets in.
func (p *proof) closed(r owner.Rule) *finding {
	for packet := range p.packets(r) {
		if v := p.rules.Evaluate(packet); v.Outcome == reach.Accept {
			return &finding{fmt.Sprintf("%s is still let in: %s", spoken(packet), by(v.By)), true}
		}
	}
	return nil
}

func because(v reach.Verdict) string {
	if v.Unsure != nil && v.By != nil {
		return fmt.Sprintf("%s, if %s matches", v.By, v.Unsure)
	}
	return by(v.By)
}

func by(w *reach.Where) string {
	if w == nil {
		return "no rule looks at it"
	}
	return w.String()
}

// spoken says which packet: "tcp 8000 from 192.168.0.1 on eth0".
func spoken(p reach.Packet) string {
	text := fmt.Sprintf("%s %d from %s", p.Protocol, p.DstPort, p.Src)
	if p.In.Name != someInterface {
		text += " on " + p.In.Name
	}
	return text
}
