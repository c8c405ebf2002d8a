package unitfile

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// The directories that links are made in, and the mask.
const (
	configDir  = "/etc/systemd/system"
	runtimeDir = "/run/systemd/system"
	devNull    = "/dev/null"
	// maxLinks is how many links systemd follows from one path.
	maxLinks = 32
)

// LookupPath are the directories with the units of the system manager, the first of them first.
// /lib counts on its own only on a host where it is not /usr/lib; systemd 255 and later know no such host.
func LookupPath(t host.Tree) []string {
	dirs := []string{
		"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
		"/run/systemd/generator.early", configDir, "/etc/systemd/system.attached", runtimeDir,
		"/run/systemd/system.attached", "/run/systemd/generator", "/usr/local/lib/systemd/system",
	}
	if lib, err := t.Lstat("/lib"); err == nil && lib.Kind == host.Dir {
		dirs = append(dirs, "/lib/systemd/system")
	}
	return append(dirs, "/usr/lib/systemd/system", "/run/systemd/generator.late")
}

func isGenerator(dir string) bool { return strings.HasPrefix(dir, "/run/systemd/generator") }
func isTransient(dir string) bool { return dir == "/run/systemd/transient" }
func isConfig(dir string) bool    { return dir == configDir || dir == runtimeDir }
func isRuntime(p string) bool     { return p == "/run" || strings.HasPrefix(p, "/run/") }

// disk reads a tree as systemd does. Every folder and file is read once: within a pass of reading
// (host.View.Pass) once for all units.
type disk struct {
	host.Tree
	dirs []string
}

// The keys of what is remembered of a tree.
type (
	folderKey string // what a folder has
	fileKey   string // the [Install] of a unit file
	belowKey  string // the links below a folder
	dirKey    string // the links of a unit directory, by unit
	namesKey  struct{}
	lookupKey struct{}
)

func newDisk(t host.Tree) *disk {
	t = t.Pass()
	return &disk{t, host.Once(t, lookupKey{}, func() []string { return LookupPath(t) })}
}

// absent reports whether an error says that nothing is there, or nothing that may be seen.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR)
}

// listing is what a folder has.
type listing struct {
	entries []host.Entry
	err     error
}

// scan returns what is in a directory, nothing if it is not there.
func (d *disk) scan(dir string) ([]host.Entry, error) {
	l := host.Once(d.Tree, folderKey(dir), func() listing {
		found, err := d.Scan(dir)
		if err != nil && !absent(err) {
			return listing{nil, err}
		}
		return listing{found, nil}
	})
	return l.entries, l.err
}

// at is what a directory has at a path, if it has anything.
func (d *disk) at(p string) (e host.Entry, ok bool, err error) {
	found, err := d.scan(path.Dir(p))
	i, ok := slices.BinarySearchFunc(found, path.Base(p), func(e host.Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return host.Entry{}, false, err
	}
	return found[i], true, nil
}

// link returns the text of a symbolic link; ok is false for what is none, or not there.
func (d *disk) link(p string) (target string, ok bool) {
	e, _, _ := d.at(p) // what cannot be looked at is no link
	return e.Target, e.Kind == host.Symlink
}

// list returns the names in a directory, none if it is not there.
func (d *disk) list(dir string) ([]string, error) {
	if _, ok, err := d.at(dir); !ok || err != nil {
		return nil, err
	}
	entries, err := d.scan(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, err
}

// absolute is where a link's text points to, by its text alone but for the links in its parents.
func (d *disk) absolute(link, target string) (string, error) {
	if !path.IsAbs(target) {
		real, err := d.Resolve(link)
		if err != nil {
			return "", faultf(bad, "%v", err)
		}
		target = path.Join(path.Dir(real), target)
	}
	target, err := d.Resolve(target)
	if err != nil {
		return "", faultf(bad, "%s points nowhere: %v", link, err)
	}
	return target, nil
}

// chase follows a path through all its links, the last one too. What it ends at need not exist.
func (d *disk) chase(p string) (string, error) {
	way, err := d.way(p)
	if err != nil {
		return "", err
	}
	return way[len(way)-1], nil
}

// way is where chase comes along: the paths of the links, and that of the end.
func (d *disk) way(p string) (out []string, err error) {
	for range maxLinks {
		real, err := d.Resolve(p)
		if err != nil {
			return nil, err
		}
		out = append(out, real)
		target, ok := d.link(real)
		if !ok {
			return out, nil
		}
		if p, err = d.absolute(real, target); err != nil {
			return nil, err
		}
	}
	return nil, &fault{circle, p + " goes round in a circle of symbolic links"}
}

// inSearchPath reports whether a path lies in one of the unit directories or below it.
func (d *disk) inSearchPath(p string) bool {
	return slices.ContainsFunc(d.dirs, func(dir string) bool { return strings.HasPrefix(p, dir+"/") }) ||
		strings.HasPrefix(p, "/lib/systemd/system/")
}

// isMask reports whether a path is /dev/null or an empty file, which both mask a unit.
func (d *disk) isMask(p string) (bool, error) {
	if p == devNull {
		return true, nil
	}
	if e, ok, err := d.at(p); err != nil || !ok || e.Kind != host.File {
		if p, err = d.chase(p); err != nil || p == devNull {
			return err == nil, err
		}
	}
	info, err := d.Lstat(p)
	if absent(err) {
		return false, nil
	}
	return err == nil && info.Kind == host.File && info.Size == 0, err
}

// confFiles lists the files of dirs with a suffix: of those with one name the first, sorted by name.
func (d *disk) confFiles(dirs []string, suffix string) ([]string, error) {
	found := map[string]string{}
	for _, dir := range dirs {
		names, err := d.list(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if _, ok := found[name]; !ok && strings.HasSuffix(name, suffix) {
				found[name] = path.Join(dir, name)
			}
		}
	}
	var out []string
	for _, p := range found {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return out, nil
}
