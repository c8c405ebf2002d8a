package ufw

import (
	"slices"
	"strings"
)

// tokens takes a rule apart as iptables-restore(8) does: at spaces, but for those in double quotes, in which a backslash
// takes the next character as it is.
func tokens(spec string) []string {
	var out []string
	var now strings.Builder
	quoted, open := false, false
	for i := 0; i < len(spec); i++ {
		switch c := spec[i]; {
		case c == '"':
			quoted, open = !quoted, true
		case c == '\\' && quoted && i+1 < len(spec):
			i++
			now.WriteByte(spec[i])
		case c == ' ' && !quoted:
			if open {
				out = append(out, now.String())
			}
			now.Reset()
			open = false
		default:
			now.WriteByte(c)
			open = true
		}
	}
	if open {
		out = append(out, now.String())
	}
	return out
}

// option is one option of a rule with what follows it, and with the "!" before it.
type option struct{ name, value string }

// options are the options of a rule without those that say what goes without saying, and that iptables-save(8) adds. They
// are sorted, so that two rules are the same if their options are.
func options(spec string) []option {
	var all []option
	not := ""
	for _, word := range tokens(spec) {
		switch {
		case word == "!":
			not = "!"
		case strings.HasPrefix(word, "-") && len(word) > 1:
			all = append(all, option{name: not + word})
			not = ""
		case len(all) > 0:
			last := &all[len(all)-1]
			last.value = strings.TrimPrefix(last.value+" "+word, " ")
		}
	}
	var out []option
	for _, o := range all {
		if !implied(o, all) {
			if o.name == "-s" {
				o.value = plain(o.value)
			}
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b option) int { return strings.Compare(a.name+" "+a.value, b.name+" "+b.value) })
	return out
}

// plain is an address without the length of a host.
func plain(s string) string {
	if strings.Contains(s, ":") {
		return strings.TrimSuffix(s, "/128")
	}
	return strings.TrimSuffix(s, "/32")
}

// implied reports what iptables adds by itself: the match of the protocol, and what recent and REJECT have by default.
func implied(o option, all []option) bool {
	switch o.name {
	case "-m":
		return slices.Contains(all, option{"-p", o.value})
	case "--name":
		return o.value == "DEFAULT"
	case "--mask":
		return o.value == "255.255.255.255" || o.value == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	case "--rsource":
		return true
	case "--reject-with":
		return o.value == "icmp-port-unreachable" || o.value == "icmp6-port-unreachable"
	}
	return false
}

// same is what two rules have in common that do the same.
func same(os []option) string {
	var out strings.Builder
	for _, o := range os {
		out.WriteString(o.name + " " + o.value + "\n")
	}
	return out.String()
}
