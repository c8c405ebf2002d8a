package sysctl

import (
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// bootDirs are where files are looked for. Of one name, the first counts: sysctl.d(5).
func bootDirs() []string {
	return []string{dir, "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}
}

// mainFile is what sysctl(8) reads after all others, and systemd does not read.
const mainFile = "/etc/sysctl.conf"

// bootFiles lists the files in the order in which they are read, with own among them.
func bootFiles(v host.View, own string, main bool) ([]string, error) {
	byName := map[string]string{path.Base(own): own}
	for _, d := range bootDirs() {
		names, err := v.Files.ReadDir(d)
		if err != nil && !place.Missing(err) {
			return nil, place.Unreadable(err)
		}
		for _, n := range names {
			if _, known := byName[n]; !known && strings.HasSuffix(n, ".conf") {
				byName[n] = path.Join(d, n)
			}
		}
	}
	var out []string
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		out = append(out, byName[n])
	}
	if main {
		out = append(out, mainFile)
	}
	return out, nil
}

// boot lists what is assigned at boot, in order, once own has the content.
func boot(v host.View, own, content string, main bool) ([]assignment, error) {
	files, err := bootFiles(v, own, main)
	if err != nil {
		return nil, err
	}
	var out []assignment
	for _, f := range files {
		b := []byte(content)
		if f != own {
			if b, err = bootFile(v, f); err != nil {
				return nil, err
			}
		}
		out = append(out, parse(f, b)...)
	}
	return out, nil
}

// bootFile reads one file; a link to nowhere or to /dev/null is an empty one.
func bootFile(v host.View, name string) ([]byte, error) {
	info, err := v.Files.Stat(name)
	if place.Missing(err) || err == nil && info.Kind != host.File {
		return nil, nil
	}
	if err != nil {
		return nil, place.Unreadable(err)
	}
	b, err := v.Files.ReadFile(name)
	if place.Missing(err) {
		return nil, nil
	}
	return b, place.Unreadable(err)
}

// wins returns what sets a parameter, a path below /proc/sys, in the end; nil for nothing. The last
// that names it counts, and only where none does the last pattern.
func wins(as []assignment, key string) *assignment {
	var named, pattern *assignment
	for i, a := range as {
		switch {
		case a.key == key:
			named = &as[i]
		case !a.exclude && isGlob(a.key) && matches(a.key, key):
			pattern = &as[i]
		}
	}
	if named != nil {
		return named
	}
	return pattern
}

// overruled returns what takes the place of the file at boot, nil for nothing. With main it is asked
// of sysctl(8) instead of systemd.
func (s *Spec) overruled(v host.View, main bool) (*assignment, error) {
	as, err := boot(v, s.file(), s.bytes(), main)
	if err != nil {
		return nil, err
	}
	w := wins(as, keyPath(s.Name))
	if w == nil || w.file == s.file() || !w.exclude && same(w.value, s.Value) {
		return nil, nil
	}
	return w, nil
}

// readsMain reports whether what sets parameters at boot reads the main file too.
func readsMain(v host.View) bool { return v.Facts.Init != "systemd" }
