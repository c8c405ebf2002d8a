package main

import (
	"slices"
	"strings"
)

// accountFiles are those that users and groups are in.
var accountFiles = []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"}

// contents are the account files as they are.
func (r rig) contents() map[string]string {
	out := map[string]string{}
	for _, name := range accountFiles {
		out[name] = r.m.Get(name)
	}
	return out
}

// edit changes the fields of each line; nil leaves the line out.
func edit(files map[string]string, change func(f []string) []string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		var lines []string
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if f := change(strings.Split(line, ":")); f != nil {
				lines = append(lines, strings.Join(f, ":"))
			}
		}
		out[name] = strings.Join(lines, "\n")
	}
	return out
}

// members changes the lists in a line of group or gshadow.
func members(f []string, change func([]string) []string) []string {
	if len(f) != 4 {
		return f
	}
	for i := 2; i < 4; i++ {
		f[i] = strings.Join(change(strings.Split(f[i], ",")), ",")
	}
	return f
}

// others are the files without what is of the accounts of d.
func (d drawn) others(files map[string]string) map[string]string {
	var ours, lines []string
	for _, s := range d.subjects {
		if !s.account() {
			continue
		}
		ours = append(ours, s.name)
		if s.kind != "gpu_group" {
			lines = append(lines, s.name)
		}
	}
	return edit(files, func(f []string) []string {
		if slices.Contains(lines, f[0]) {
			return nil
		}
		return members(f, func(list []string) []string {
			return slices.DeleteFunc(list, func(name string) bool { return slices.Contains(ours, name) })
		})
	})
}

// of are the lines and memberships of one account, as far as a plan can say them.
func of(s subject, files map[string]string) []string {
	var out []string
	for _, file := range accountFiles {
		for line := range strings.Lines(files[file]) {
			f := members(strings.Split(strings.TrimSuffix(line, "\n"), ":"), sorted)
			switch {
			case f[0] == s.name && file == "/etc/shadow":
				out = append(out, file+" "+strings.Join(f[:2], ":")) // ages of the password are nobody's
			case f[0] == s.name && s.kind != "gpu_group":
				out = append(out, file+" "+strings.Join(f, ":"))
			case len(f) == 4 && s.kind != "group" && slices.Contains(strings.Split(f[3], ","), s.name):
				out = append(out, file+" "+f[0]+" has "+s.name)
			}
		}
	}
	slices.Sort(out)
	return out
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// disorders reports whether undo may bring back lines, or members of a list, in another order: more than
// one was taken away, and what lay side by side comes back in a place that is right.
func disorders(plans []drawn) bool {
	n := 0
	for i, d := range plans {
		for j, s := range d.subjects {
			block := d.blocks[len(d.paths)+j]
			if s.account() && (strings.Contains(block, "absent = true") || strings.Contains(block, "exact = true")) {
				n++
			}
			if s.account() && i+1 < len(plans) && !slices.ContainsFunc(plans[i+1].subjects, func(o subject) bool { return o.kind == s.kind && o.name == s.name }) {
				n++
			}
		}
	}
	return n > 1
}

// unordered are the files with lines, and the members in them, in one order.
func unordered(files map[string]string) map[string]string {
	out := edit(files, func(f []string) []string { return members(f, sorted) })
	for name, text := range out {
		out[name] = strings.Join(sorted(strings.Split(text, "\n")), "\n")
	}
	return out
}

// withoutAccounts leaves out what is said of the account files, but for whose they are.
func withoutAccounts(tree map[string]string) map[string]string {
	for _, name := range accountFiles {
		tree[name], _, _ = strings.Cut(tree[name], `"`)
	}
	return tree
}
