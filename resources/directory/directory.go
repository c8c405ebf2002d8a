// Package directory manages one directory: that it is there, whose it is and who may use it. It
// does not look at what is in it.
package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a directory. Folders above it that are missing are made, root's and 0755. With
// absent = true it is removed if it is empty; one that is not is an error.
type Spec struct {
	// Path is where the directory is: absolute, and inside the root that is converged. A symbolic
	// link at the path itself is an error; links on the way there are followed.
	Path string `hcl:"path"`
	// Owner is a user's name or number. Left out, a new directory is root's and an existing one
	// keeps its owner. It is not passed on to what is in the directory.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, a new directory is root's and an existing one
	// keeps its group.
	Group string `hcl:"group,optional"`
	// Mode is octal, such as "0750" or "2775". Left out, a new directory gets 0755 and an existing
	// one keeps its mode.
	Mode string `hcl:"mode,optional"`

	// Implied says that another resource takes the directory for granted: a symbolic link to a
	// directory serves as well then.
	Implied bool `record:"implied"`
	// Xattrs are the extended attributes as found, which undo brings back.
	Xattrs map[string][]byte `record:"xattrs"`

	info host.Info
}

// freshMode is the mode of a new directory that says none.
const freshMode = 0o755

// kind is made once: every file implies its folder.
var kind = sync.OnceValue(func() *engine.Kind { return engine.NewKind("directory", resource{}, engine.Passive()) })

// Kind returns the kind directory.
func Kind() *engine.Kind { return kind() }

// Implied declares the directory at p for what takes it for granted.
func Implied(p string) engine.Declared {
	return engine.Declared{
		Addr: engine.Addr("directory." + p), Kind: Kind(), Spec: &Spec{Path: p, Implied: true}, Implied: true,
	}
}

// ImpliedBy declares the folder of p, or nothing where that is the top of the tree.
func ImpliedBy(p string) []engine.Declared {
	if dir := place.Parent(p); dir != "" {
		return []engine.Declared{Implied(dir)}
	}
	return nil
}

// Default brings the mode to one form.
func (s *Spec) Default() { s.Mode = place.Mode(s.Mode) }

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	return errors.Join(place.Validate(s.Path), s.attributes().Validate())
}

// Claims is the path.
func (s *Spec) Claims() []engine.Claim { return []engine.Claim{place.Claim(s.Path)} }

// Needs are the folder above and the owners.
func (s *Spec) Needs() []engine.Claim { return place.Needs(s.Path, s.attributes()) }

// Implies is the folder above.
func (s *Spec) Implies() []engine.Declared { return ImpliedBy(s.Path) }

func (s *Spec) attributes() place.Attributes {
	return place.Attributes{Owner: s.Owner, Group: s.Group, Mode: s.Mode}
}

type resource struct{}

// Read reports the directory as it is.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	info, err := look(v, spec)
	if place.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, place.Unreadable(err)
	}
	xattrs, err := place.Xattrs(v, spec.Path)
	if err != nil {
		return nil, err
	}
	a := place.Observe(v, info, spec.attributes())
	return &Spec{Path: spec.Path, Owner: a.Owner, Group: a.Group, Mode: a.Mode, Xattrs: xattrs, info: info}, nil
}

// look describes what is at the path, and for a directory that is taken for granted where a
// symbolic link leads.
func look(v host.View, spec *Spec) (host.Info, error) {
	info, err := v.Files.Lstat(spec.Path)
	if err != nil || info.Kind == host.Dir {
		return info, err
	}
	if spec.Implied && info.Kind == host.Symlink {
		led, err := v.Files.Stat(spec.Path)
		if err != nil && !place.Missing(err) || err == nil && led.Kind == host.Dir {
			return led, err
		}
	}
	return info, place.Occupied(v, spec.Path, info, "directory")
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	if want == nil {
		return place.Check(v, have.Path, place.Remove, &have.info, place.Attributes{})
	}
	if have == nil {
		return place.Check(v, want.Path, place.Make, nil, want.attributes())
	}
	return place.Check(v, want.Path, place.Dress, &have.info, want.attributes())
}

// Apply makes, changes or removes the directory.
func (resource) Apply(_ context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return remove(h, have.Path)
	}
	attr, err := want.attributes().Attr(h.View(), have.found(), freshMode)
	if err != nil {
		return err
	}
	return put(h, have, want.Path, attr)
}

// Undo brings back what was before, extended attributes included.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	attr, err := place.Exact(h.View(), before.attributes(), before.Xattrs, nil, freshMode)
	if err != nil {
		return err
	}
	return put(h, now, before.Path, attr)
}

func put(h *host.Host, have *Spec, p string, attr host.Attr) error {
	if have == nil {
		return h.Files.Mkdir(p, attr)
	}
	return h.Files.SetAttr(p, attr)
}

// remove removes a directory that is empty, and says what is in one that is not.
func remove(h *host.Host, p string) error {
	err := inUse(h, p)
	if err != nil {
		return err
	}
	err = h.Files.Remove(p)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		return errors.Join(inUse(h, p), err) // filled this very moment
	}
	return err
}

// shown is how many names an error lists.
const shown = 3

func inUse(h *host.Host, p string) error {
	names, err := h.Files.ReadDir(p)
	if err != nil || len(names) == 0 {
		return err
	}
	list := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return &engine.InUseError{Detail: fmt.Sprintf("%s is not empty: it has %s", p, list)}
}

// found is what was found at the path, nil where nothing was.
func (s *Spec) found() *host.Info {
	if s == nil {
		return nil
	}
	return &s.info
}
