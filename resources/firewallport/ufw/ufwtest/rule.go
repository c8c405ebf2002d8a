package ufwtest

import (
	"slices"
	"strings"
)

// printed is a rule as iptables-save prints it: where from and to, interfaces, protocol, what else it matches and what it
// does, with what goes without saying.
func (t *table) printed(spec string) string {
	heads, target := map[string]string{}, []string{}
	var matches [][]string
	words := split(spec)
	for len(words) > 0 {
		n := 1
		for n < len(words) && !strings.HasPrefix(words[n], "-") {
			n++
		}
		name, option := words[0], words[:n]
		words = words[n:]
		switch {
		case slices.Contains([]string{"-s", "-d", "-i", "-o", "-p"}, name):
			heads[name] = t.head(name, option[1])
		case name == "-j" || name == "--log-prefix" || name == "--reject-with":
			target = append(target, option...)
		case name == "-m":
			matches = append(matches, option)
		case (name == "--dport" || name == "--sport") && !slices.ContainsFunc(matches, func(m []string) bool { return m[1] == heads["-p"] }):
			matches = append(matches, append([]string{"-m", heads["-p"]}, option...))
		default:
			last := len(matches) - 1
			matches[last] = append(matches[last], option...)
		}
	}
	var out []string
	for _, name := range []string{"-s", "-d", "-i", "-o", "-p"} {
		if value, ok := heads[name]; ok {
			out = append(out, name, value)
		}
	}
	for _, m := range matches {
		out = append(out, t.match(m)...)
	}
	return strings.Join(append(out, t.target(target)...), " ")
}

func (t *table) head(name, value string) string {
	if (name == "-s" || name == "-d") && !strings.Contains(value, "/") {
		if t.v6 {
			return value + "/128"
		}
		return value + "/32"
	}
	return value
}

// match adds what recent has by default, and shortens a rate.
func (t *table) match(m []string) []string {
	mask := "255.255.255.255"
	if t.v6 {
		mask = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	}
	if m[1] == "recent" && !slices.Contains(m, "--rsource") {
		return append(m, "--name", "DEFAULT", "--mask", mask, "--rsource")
	}
	for i, word := range m {
		m[i] = strings.Replace(word, "3/minute", "3/min", 1)
		if strings.Contains(word, "'") && !strings.Contains(word, `\'`) { // which only a shell takes for quotes
			m[i] = `"` + strings.ReplaceAll(strings.Trim(word, `"`), "'", `\'`) + `"`
		}
	}
	return m
}

func (t *table) target(words []string) []string {
	if slices.Contains(words, "REJECT") && !slices.Contains(words, "--reject-with") {
		if t.v6 {
			return append(words, "--reject-with", "icmp6-port-unreachable")
		}
		return append(words, "--reject-with", "icmp-port-unreachable")
	}
	return words
}

// split takes a rule apart at spaces outside of quotes, which stay.
func split(spec string) []string {
	var out []string
	for i, part := range strings.Split(spec, `"`) {
		if i%2 == 1 {
			out = append(out, `"`+part+`"`)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}
