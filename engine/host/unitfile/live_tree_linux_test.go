package unitfile

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// picture is what lies in the directories that trees have files in, by path: a symbolic link as
// "-> target", a directory as "dir", a file as its content after "file ".
type picture map[string]string

// roots are those directories. What generators write is not among them: systemd removes it itself.
func roots() []string {
	return []string{
		"/etc/systemd", "/run/systemd/system", "/run/systemd/transient", "/run/systemd/system.control",
		"/run/systemd/system.attached", "/opt", "/usr/local/lib/systemd", "/usr/lib/systemd/system",
		"/usr/lib/systemd/system-preset", generated,
	}
}

// known is a file as it was when it was read last.
type known struct {
	info fs.FileInfo
	what string
}

// look takes a picture.
func (l *live) look(t *testing.T) picture {
	t.Helper()
	seen := picture{}
	for _, root := range roots() {
		err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && p == root {
				return nil
			}
			if err == nil {
				seen[p], err = l.describe(p, e)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

// describe reads a file again only if it may be another one: there are many, and they are looked at often.
func (l *live) describe(p string, e fs.DirEntry) (string, error) {
	switch e.Type() {
	case fs.ModeDir:
		return "dir", nil
	case fs.ModeSymlink:
		target, err := os.Readlink(p)
		return "-> " + target, err
	}
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	if k, ok := l.seen[p]; ok && os.SameFile(k.info, info) && k.info.ModTime().Equal(info.ModTime()) && k.info.Size() == info.Size() {
		return k.what, nil
	}
	b, err := os.ReadFile(p)
	l.seen[p] = known{info, "file " + string(b)}
	return l.seen[p].what, err
}

// links are the links and files of a picture. On a merged /usr systemd writes either name of a
// directory; both are the same.
func (p picture) links() picture {
	out := picture{}
	for name, what := range p {
		if rest, ok := strings.CutPrefix(what, "-> /lib/"); ok {
			what = "-> /usr/lib/" + rest
		}
		if what != "dir" {
			out[name] = what
		}
	}
	return out
}

// write makes what a picture has at a path, in the place of what is there.
func write(t *testing.T, p, what string) {
	t.Helper()
	if info, err := os.Lstat(p); err == nil && !(info.IsDir() && what == "dir") {
		if err := os.RemoveAll(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(path.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	switch target, isLink := strings.CutPrefix(what, "-> "); {
	case isLink:
		err = os.Symlink(target, p)
	case what == "dir":
		err = os.MkdirAll(p, 0o755)
	default:
		err = os.WriteFile(p, []byte(strings.TrimPrefix(what, "file ")), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// restore brings back what was there before.
func (l *live) restore(t *testing.T) {
	t.Helper()
	now := l.look(t)
	for _, p := range now.keys() {
		if l.before[p] == "" {
			if err := os.RemoveAll(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range l.before.keys() {
		if now[p] != l.before[p] {
			write(t, p, l.before[p])
		}
	}
}

// place puts a tree's files into the machine, those of generators where the generator finds them.
func (l *live) place(t *testing.T, tree files) {
	t.Helper()
	for p, text := range tree {
		if rest, ok := strings.CutPrefix(p, "/run/systemd/generator"); ok {
			p = generated + rest // such as "/unit" or ".early/unit"
			p = strings.Replace(p, generated+"/", generated+"/normal/", 1)
			p = strings.Replace(p, generated+".", generated+"/", 1)
		}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			if had, err := os.Readlink(p); err == nil && had == target {
				continue // /lib, on a merged /usr
			}
		} else {
			text = "file " + text
		}
		write(t, p, text)
	}
}

// generated is where the generator of the test takes from what it is to generate.
const generated = "/run/unitfile-generated"

// generator has systemd run a generator that copies what is in generated, and no other: whatever lies in the
// directories of generators does not last over a daemon-reload, of which there are hundreds.
func (l *live) generator(t *testing.T) {
	t.Helper()
	const dir = "/run/systemd/system-generators"
	theirs, err := filepath.Glob("/usr/lib/systemd/system-generators/*")
	if err != nil || len(theirs) == 0 {
		t.Fatalf("systemd has no generators: %v", err)
	}
	for _, p := range theirs {
		write(t, path.Join(dir, path.Base(p)), "-> "+devNull)
	}
	write(t, path.Join(dir, "unitfile-test"), "file #!/bin/sh\n[ -d "+generated+" ] && cd "+generated+" || exit 0\n"+
		"for kind in normal early late; do\n  [ ! -d $kind ] || cp -a $kind/. \"$1\"\n  shift\ndone\n")
	if err := os.Chmod(path.Join(dir, "unitfile-test"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
}
