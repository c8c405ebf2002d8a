package sysctl

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
)

// keyPath is a parameter as a path below /proc/sys. As in sysctl.d(5), the first separator says which
// is which: where it is a dot, dots part the names and a slash is a dot inside of one.
func keyPath(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		return swap(key)
	}
	return key
}

// dotted is a parameter in its one form, with dots between the names.
func dotted(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '/' {
		return swap(key)
	}
	return key
}

func swap(key string) string { return strings.NewReplacer(".", "/", "/", ".").Replace(key) }

func validName(name string) error {
	p := keyPath(name)
	switch {
	case name == "":
		return errors.New("it is empty: write it as vm.swappiness")
	case isGlob(name):
		return fmt.Errorf("%q is a pattern of parameters: name them one by one, with for_each", name)
	case strings.ContainsAny(name, "=#;\\\"'") || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) || strings.HasPrefix(name, "-"):
		return fmt.Errorf("%q is no name of a parameter: write it as vm.swappiness", name)
	case path.Clean("/"+p) != "/"+p || !strings.Contains(p, "/"):
		return fmt.Errorf("%q is no name of a parameter: names with dots between them make one, as in vm.swappiness", name)
	case len(p) > 200:
		return fmt.Errorf("the name is %d bytes long; 200 is the most", len(p))
	}
	return nil
}

func isGlob(key string) bool { return strings.ContainsAny(key, "*?[") }

// matches compares a parameter with a pattern, both as paths, as glob(3) does.
func matches(pattern, key string) bool {
	ps, ks := strings.Split(pattern, "/"), strings.Split(key, "/")
	if len(ps) != len(ks) {
		return false
	}
	for i := range ps {
		if strings.HasPrefix(ks[i], ".") && !strings.HasPrefix(ps[i], ".") {
			return false
		}
		if ok, err := path.Match(strings.ReplaceAll(ps[i], "[!", "[^"), ks[i]); !ok && (err == nil || ps[i] != ks[i]) {
			return false
		}
	}
	return true
}

// same compares values: the kernel parts numbers by tabs where a plan has blanks.
func same(a, b string) bool { return normal(a) == normal(b) }

func normal(value string) string { return strings.Join(strings.Fields(value), " ") }

// procFile is where the kernel has a parameter.
func procFile(name string) string { return "/proc/sys/" + keyPath(name) }

// dir is where the files of plans are.
const dir = "/etc/sysctl.d"

// file is the file of the parameter: one of its own, so that each is one change. A slash in the name
// is written as no other character of a name is.
func (s *Spec) file() string {
	return dir + "/60-agent0-" + strings.NewReplacer("%", "%25", "/", "%2F").Replace(s.Name) + ".conf"
}
