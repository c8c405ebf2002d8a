package logrotate

import (
	"path"
	"strings"
)

// defaultTaboo are the patterns of names that logrotate skips unless it is told otherwise: config.c
// of logrotate 3.21.
func defaultTaboo() []string {
	return []string{
		"*,v", "*.bak", "*.cfsaved", "*.disabled", "*.dpkg-bak", "*.dpkg-del", "*.dpkg-dist", "*.dpkg-new",
		"*.dpkg-old", "*.dpkg-tmp", "*.rhn-cfg-tmp-*", "*.rpmnew", "*.rpmorig", "*.rpmsave", "*.swp",
		"*.ucf-dist", "*.ucf-new", "*.ucf-old", "*~",
	}
}

// isPattern reports whether glob(3) would look for more than the path itself.
func isPattern(p string) bool { return strings.ContainsAny(p, "*?[") }

// folder is the folder of a log, which may be a pattern too.
func folder(p string) string { return path.Dir(p) }

// match compares one name with one pattern as glob(3) does: a dot at the start is matched by a dot
// alone. A pattern that is none stands for itself.
func match(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return ok || err != nil && pattern == name
}

// covers reports whether the path p, taken as it is written, is one that the pattern stands for.
func covers(pattern, p string) bool {
	if pattern == p {
		return true
	}
	if !isPattern(pattern) || isPattern(p) {
		return false
	}
	ps, names := strings.Split(pattern, "/"), strings.Split(p, "/")
	if len(ps) != len(names) {
		return false
	}
	for i := range ps {
		if !match(ps[i], names[i]) {
			return false
		}
	}
	return true
}
