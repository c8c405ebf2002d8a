// Package ufw is the owner of the firewall of a host that has ufw switched on.
//
// What persists are ufw's own files, /etc/ufw/user.rules and user6.rules: tuples, each with the rules that iptables-restore
// loads for it at boot. They are changed here as the command ufw changes them, byte for byte, and durably, on a running
// system and in an image alike. What runs are the rules in ufw's own chains, changed with iptables-restore in one
// transaction of each family. The command itself would not do: it writes its files and loads them in one go, so that what
// is not confirmed yet would come back after a reboot. Run on a copy of its files (--datadir) it loads the whole copy where
// it takes away or replaces, so that the copy has to be what runs and not what persists; it starts Python and probes the
// kernel for each line; and it waits for another lock than the ufw of whoever is at work on the host. What both leave behind is what ufw makes of the same tuples, so that its status, reload, disable and enable
// do with them as with its own.
package ufw

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Rate is the one rate that ufw has: who has tried six times within 30 seconds is kept out (ufw(8), limit).
const Rate = "12/minute"

// maxLines is how many lines one rule may take: a new connection is compared with each of them in turn.
const maxLines = 400

// Owner is ufw.
type Owner struct{}

// Name is ufw.
func (Owner) Name() string { return "ufw" }

// Running is a line as it runs: the kernel has no place for ufw's comments.
func (Owner) Running(l owner.Line) owner.Line {
	if t, ok := parseTuple(l.Text); ok {
		t.comment = ""
		return t.line()
	}
	return l
}

// Lines are the tuples of r, for IPv4 and, unless ufw leaves IPv6 alone, for IPv6. A limit counts each source by itself,
// over all ports that have one (xt_recent's list DEFAULT).
func (o Owner) Lines(_ context.Context, v host.View, r owner.Rule) ([]owner.Line, error) {
	if err := expressible(r); err != nil {
		return nil, err
	}
	ipv6 := false
	if r.IPv6 {
		var err error
		if ipv6, err = o.IPv6(v); err != nil {
			return nil, err
		}
	}
	var out []owner.Line
	for _, src := range sources(r, r.IPv4, ipv6) {
		for _, ports := range r.Ports {
			for _, in := range interfaces(r) {
				out = append(out, newTuple(r, ports, src, in).line())
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot let in IPv6: ufw leaves it alone: write IPV6=yes into %s, and run ufw reload", defaultsFile)
	}
	if len(out) > maxLines {
		return nil, fmt.Errorf("cannot write a rule as %d lines of ufw, which all new connections would have to pass: at most %d; name wider sources or fewer, or ports as a range", len(out), maxLines)
	}
	return out, nil
}

func interfaces(r owner.Rule) []string {
	if len(r.Interfaces) == 0 {
		return []string{""}
	}
	return r.Interfaces
}

// sources are those of the families, and each family's everywhere for a rule that names none.
func sources(r owner.Rule, ipv4, ipv6 bool) []netip.Prefix {
	all := r.Sources
	if len(all) == 0 {
		all = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	}
	var out []netip.Prefix
	for _, p := range all {
		if p.Addr().Is4() && ipv4 || !p.Addr().Is4() && ipv6 {
			out = append(out, p)
		}
	}
	return out
}

// interfaceName is what ufw takes for one (ufw/common.py, set_interface). A "+" at its end would be a pattern.
var interfaceName = regexp.MustCompile(`^[a-zA-Z0-9_.+,=%@-]{0,14}[a-zA-Z0-9_.,=%@-]$`)

// expressible says what ufw has no words for.
func expressible(r owner.Rule) error {
	if r.Protocol != "tcp" && r.Protocol != "udp" {
		return fmt.Errorf("cannot let in %s: ufw has ports of tcp and udp only; write a rule for %s into /etc/ufw/before.rules by hand (ufw-framework(8))", r.Protocol, r.Protocol)
	}
	if r.Rate != nil && r.Rate.String() != Rate {
		return fmt.Errorf("cannot bound connections to %s: ufw has one rate, %q, six tries within 30 seconds of each source: write that, or leave the rate out", r.Rate, Rate)
	}
	for _, p := range r.Ports {
		if p.First == 0 {
			return errors.New("cannot let in port 0: ufw's ports begin at 1")
		}
	}
	for _, name := range r.Interfaces {
		if !interfaceName.MatchString(name) || name == "." || name == ".." {
			return fmt.Errorf("cannot name the interface %q: ufw takes up to 15 letters, digits and any of _ - . , = %% @, and + but at the end", name)
		}
	}
	if strings.ContainsAny(r.Comment, "'\n\r\x00") {
		return errors.New("cannot write the comment: ufw takes none with a ' in it")
	}
	return nil
}

// Read returns the tuples of the files, and those whose rules are in the kernel.
func (o Owner) Read(ctx context.Context, v host.View) (*owner.State, error) {
	families, err := o.families(v)
	if err != nil {
		return nil, err
	}
	out := &owner.State{Persistent: map[string]owner.Line{}}
	if !v.Offline {
		out.Running = map[string]owner.Line{}
	}
	for _, f := range families {
		file, err := readFile(v, f)
		if err != nil {
			return nil, err
		}
		add(out.Persistent, file.lines())
		if v.Offline {
			continue
		}
		k, err := readKernel(ctx, v, f)
		if err != nil {
			return nil, err
		}
		add(out.Running, k.lines(file))
	}
	return out, nil
}

// add keeps the first line of a key: that is the one that counts.
func add(to map[string]owner.Line, lines []owner.Line) {
	for _, l := range lines {
		if _, ok := to[l.Key]; !ok {
			to[l.Key] = l
		}
	}
}

// Narrows reports whether a line that lets the port in goes, or one comes that does not let in everybody.
func (Owner) Narrows(out, in []owner.Line, port uint16) bool {
	before, after := actions(out, port), actions(in, port)
	for key, action := range before {
		if (action == allow || action == limit) && after[key] != allow && after[key] != action {
			return true
		}
	}
	for key, action := range after {
		if action != allow && before[key] != action {
			return true
		}
	}
	return false
}

// actions are those of the lines that cover the TCP port, by key.
func actions(lines []owner.Line, port uint16) map[string]string {
	out := map[string]string{}
	for _, l := range lines {
		if t, ok := parseTuple(l.Text); ok && t.protocol == "tcp" && t.ports.First <= port && port <= t.ports.Last {
			out[t.key()] = t.action
		}
	}
	return out
}

// missing reports that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
