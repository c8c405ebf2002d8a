package hosttest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// inlineContent is the longest content that a snapshot shows instead of its digest.
const inlineContent = 2 << 10

// Snapshot describes everything on the machine in one line per path: what it is, its
// mode, owner, extended attributes and content. What is at or below an excluded path is
// left out. Times are not in it. Where it has a service manager, there is one line more for each unit
// that is not inactive, and where it has a network of its own the lines of its packet filter.
func (m *Machine) Snapshot(exclude ...string) map[string]string {
	m.t.Helper()
	lines := map[string]string{}
	m.check(filepath.WalkDir(m.root, func(full string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + filepath.ToSlash(strings.TrimLeft(strings.TrimPrefix(full, m.root), `\/`))
		if slices.ContainsFunc(exclude, func(x string) bool { return within(name, x) }) {
			return nil
		}
		line, err := describe(full)
		lines[name] = line
		return err
	}))
	if m.systemd != nil {
		maps.Copy(lines, m.systemd.snapshot())
	}
	if m.net != nil {
		maps.Copy(lines, m.net.Snapshot())
	}
	return lines
}

func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// Dump is Snapshot as text, sorted by path.
func (m *Machine) Dump(exclude ...string) string {
	m.t.Helper()
	lines, text := m.Snapshot(exclude...), ""
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		text += name + " " + lines[name] + "\n"
	}
	return text
}

func describe(full string) (string, error) {
	info, err := os.Lstat(full)
	if err != nil {
		return "", err
	}
	attributes, err := attributes(full, info)
	if err != nil {
		return "", err
	}
	switch {
	case info.IsDir():
		return "directory" + attributes, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(full)
		return "symlink" + attributes + " -> " + target, err
	case !info.Mode().IsRegular():
		return "special file" + attributes, nil
	}
	b, err := os.ReadFile(full)
	return "file" + attributes + " " + content(b), err
}

func content(b []byte) string {
	if len(b) <= inlineContent && utf8.Valid(b) {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%d bytes sha256:%x", len(b), sha256.Sum256(b))
}
