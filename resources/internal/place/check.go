package place

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Intent is what is about to happen to a path.
type Intent int

// The intents.
const (
	Make    Intent = iota // where nothing is
	Replace               // by new content under the same name
	Dress                 // other attributes, in place
	Remove
)

// Check finds why the path p, which have describes if it is there, cannot be changed so that it
// has the attributes a.
func Check(v host.View, p string, what Intent, have *host.Info, a Attributes) error {
	s, err := v.Files.Survey(p)
	if Missing(err) {
		err = nil // a parent is something else; whoever manages that says so
	}
	if err == nil {
		err = obstacle(s, p, what)
	}
	if err == nil {
		err = checkAccess(v, p, what)
	}
	if err != nil {
		return fmt.Errorf("cannot change %s: %w", p, err)
	}
	if what == Remove {
		return nil
	}
	if err := a.checkOwner(v, have); err != nil {
		return fmt.Errorf("cannot set the owner of %s: %w", p, err)
	}
	return nil
}

// Missing reports that nothing is at a path, its folder perhaps included.
func Missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// obstacle finds what is in the way of a change at p.
func obstacle(s host.Survey, p string, what Intent) error {
	if err := reserved(s.Real); err != nil { // p was not, so a symbolic link leads there
		return err
	}
	if s.ReadOnly {
		return errors.New("it is on a read-only file system: remount it, or make the change where the image is built")
	}
	if what != Make {
		if err := forbidden(s.Flags, p); err != nil {
			return err
		}
	}
	if what != Dress {
		if err := forbidden(s.Folder, path.Dir(p)); err != nil {
			return err
		}
	}
	if s.Mounted && (what == Replace || what == Remove) {
		return errors.New("something is mounted there, as with a single file that a container is handed: " +
			"it cannot be replaced or removed, change it where it comes from")
	}
	return nil
}

// forbidden explains what chattr(1) sets on a path.
func forbidden(flags host.Flags, name string) error {
	switch {
	case flags&host.Immutable != 0:
		return fmt.Errorf("%s is immutable: chattr -i %s", name, name)
	case flags&host.AppendOnly != 0:
		return fmt.Errorf("%s is append-only: chattr -a %s", name, name)
	}
	return nil
}

func checkAccess(v host.View, p string, what Intent) error {
	if what == Dress || v.Files.User() == 0 {
		return nil
	}
	if err := v.Files.Writable(p); err != nil {
		return fmt.Errorf("%w: run as root", err)
	}
	return nil
}

// Occupied says that something else is at p than a kind manages.
func Occupied(v host.View, p string, info host.Info, kind string) error {
	what := "a " + info.Kind.String()
	if info.Kind == host.Symlink {
		target, err := v.Files.Readlink(p)
		if err != nil {
			return err
		}
		what = "a symlink to " + target
	}
	return &engine.OccupiedError{Detail: fmt.Sprintf(
		"%s is %s, not a %s: nothing of it is touched; remove it by hand or declare what it is", p, what, kind)}
}

// Unreadable adds what to do about a path that the process may not read.
func Unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("not readable: %w: run as root", err)
	}
	return err
}

// Exact turns the attributes and extended attributes of before, as they were read, into what
// brings all of them back.
func Exact(v host.View, before Attributes, xattrs map[string][]byte, have *host.Info, fresh fs.FileMode) (host.Attr, error) {
	attr, err := before.Attr(v, have, fresh)
	attr.Xattrs = xattrs
	if xattrs == nil {
		attr.Xattrs = map[string][]byte{}
	}
	return attr, err
}

// Xattrs reads the extended attributes of p, nil for none.
func Xattrs(v host.View, p string) (map[string][]byte, error) {
	x, err := v.Files.Xattrs(p)
	return x, Unreadable(err)
}
