package ufw

import (
	"fmt"
	"strings"
)

// rule is a rule of iptables as ufw writes it, less the option -A with the chain.
type rule struct {
	chain, spec string
}

func (r rule) String() string { return "-A " + r.chain + " " + r.spec + "\n" }

// The chains of a family.
func (f family) input() string       { return f.prefix + "-user-input" }
func (f family) logging() string     { return f.prefix + "-user-logging-input" }
func (f family) limit() string       { return f.prefix + "-user-limit" }
func (f family) limitAccept() string { return f.prefix + "-user-limit-accept" }

// rules are what ufw makes of the tuple, in the order of its file: UFWRule.format_rule in ufw/common.py and
// _get_rules_from_formatted in ufw/backend_iptables.py.
func (t tuple) rules() []rule {
	f := t.family()
	match := t.match()
	var out []rule
	if t.log != "" {
		out = append(out,
			rule{f.logging(), match + t.logs()},
			rule{f.logging(), match + " -j RETURN"},
			rule{f.input(), match + " -j " + f.logging()})
	}
	const tracked = " -m conntrack --ctstate NEW -m recent"
	switch t.action {
	case limit:
		return append(out,
			rule{f.input(), match + tracked + " --set"},
			rule{f.input(), match + tracked + " --update --seconds 30 --hitcount 6 -j " + f.limit()},
			rule{f.input(), match + " -j " + f.limitAccept()})
	case allow:
		return append(out, rule{f.input(), match + " -j ACCEPT"})
	case reject:
		if t.protocol == "tcp" {
			return append(out, rule{f.input(), match + " -j REJECT --reject-with tcp-reset"})
		}
		return append(out, rule{f.input(), match + " -j REJECT"})
	}
	return append(out, rule{f.input(), match + " -j DROP"})
}

// match is what packets the tuple is about.
func (t tuple) match() string {
	var out strings.Builder
	if t.iface != "" {
		fmt.Fprintf(&out, "-i %s ", t.iface)
	}
	fmt.Fprintf(&out, "-p %s", t.protocol)
	if t.ports.First == t.ports.Last {
		fmt.Fprintf(&out, " --dport %s", t.port())
	} else {
		fmt.Fprintf(&out, " -m multiport --dports %s", t.port())
	}
	if t.source.Bits() != 0 {
		fmt.Fprintf(&out, " -s %s", address(t.source))
	}
	return out.String()
}

// logs is the end of the rule that logs.
func (t tuple) logs() string {
	word := map[string]string{allow: "ALLOW", limit: "LIMIT"}[t.action]
	if word == "" {
		word = "BLOCK"
	}
	fresh := ""
	if t.log != "log-all" {
		fresh = " -m conntrack --ctstate NEW"
	}
	return fmt.Sprintf(`%s -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW %s] "`, fresh, word)
}

// limits are the rules of the two chains that a limit leads to, as ufw writes them unless it does not log.
func (f family) limits() []rule {
	return []rule{
		{f.limit(), `-m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "`},
		{f.limit(), "-j REJECT"},
		{f.limitAccept(), "-j ACCEPT"},
	}
}
