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

// disk reads a tree as systemd does.
type disk struct {
	host.Tree
	dirs []string
	// scanned are the folders that were looked at as a whole.
	scanned map[string][]host.Entry
}

func newDisk(t host.Tree) *disk { return &disk{t, LookupPath(t), map[string][]host.Entry{}} }

// absent reports whether an error says that nothing is there, or nothing that may be seen.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR)
}

// link returns the text of a symbolic link; ok is false for what is none, or not there.
func (d *disk) link(p string) (target string, ok bool) {
	target, err := d.Readlink(p)
	return target, err == nil
}

// scan returns what is in a directory, nothing if it is not there. A directory is read once: many
// links are looked at that lead into few.
func (d *disk) scan(dir string) ([]host.Entry, error) {
	if found, known := d.scanned[dir]; known {
		return found, nil
	}
	found, err := d.Scan(dir)
	if err != nil && !absent(err) {
		return nil, err
	}
	d.scanned[dir] = found
	return found, nil
}

// isLink reports whether a symbolic link is at a path, as far as that can be told by its directory.
func (d *disk) isLink(p string) bool {
	found, err := d.scan(path.Dir(p))
	at, there := slices.BinarySearchFunc(found, path.Base(p), func(e host.Entry, name string) int { return strings.Compare(e.Name, name) })
	return err != nil || there && found[at].Kind == host.Symlink
}

// list returns the names in a directory, none if it is not there.
func (d *disk) list(dir string) ([]string, error) {
	names, err := d.ReadDir(dir)
	if absent(err) {
		return nil, nil
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
func (d *disk) chase(p string) (string, error) { return d.chaseTo(p, nil) }

// chaseTo is chase on a tree that some links are gone from.
func (d *disk) chaseTo(p string, gone map[string]string) (string, error) {
	for range maxLinks {
		real, err := d.Resolve(p)
		if err != nil {
			return "", err
		}
		target, ok := d.link(real)
		if _, stop := gone[real]; !ok || stop {
			return real, nil
		}
		if p, err = d.absolute(real, target); err != nil {
			return "", err
		}
	}
	return "", &fault{circle, p + " goes round in a circle of symbolic links"}
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
	p, err := d.chase(p)
	if err != nil || p == devNull {
		return err == nil, err
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
