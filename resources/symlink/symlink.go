// Package symlink manages one symbolic link.
package symlink

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a symbolic link. Folders above it that are missing are made, root's and 0755. A file or
// directory at the path is never replaced by a link: that is an error.
type Spec struct {
	// Path is where the link is: absolute, and inside the root that is converged.
	Path string `hcl:"path"`
	// Target is what the link says, written into it as it is. A relative one counts from the link's
	// folder, an absolute one from the top of the root that is converged. Nothing need be there.
	// It is required unless absent = true.
	Target string `hcl:"target,optional"`
	// Owner is a user's name or number. Left out, a new link is root's and an existing one keeps
	// its owner. It says nothing about the target.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, a new link is root's and an existing one keeps
	// its group.
	Group string `hcl:"group,optional"`

	// Xattrs are the extended attributes as found, which undo brings back.
	Xattrs map[string][]byte `record:"xattrs"`

	info   host.Info
	absent bool
}

// maxTarget is the longest target that Linux takes.
const maxTarget = 4095

// Absent tells that the link is to go.
func (s *Spec) Absent() { s.absent = true }

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{place.Validate(s.Path), s.attributes().Validate()}
	if err := s.validTarget(); err != nil {
		errs = append(errs, &engine.AttributeError{Name: "target", Err: err})
	}
	return errors.Join(errs...)
}

func (s *Spec) validTarget() error {
	switch {
	case s.Target == "" && !s.absent:
		return errors.New("a link needs a target; to remove it, set absent = true")
	case strings.ContainsRune(s.Target, 0):
		return errors.New("the target has a NUL character")
	case len(s.Target) > maxTarget:
		return fmt.Errorf("the target is %d bytes long; %d is the most", len(s.Target), maxTarget)
	}
	return nil
}

// Claims is the path.
func (s *Spec) Claims() []engine.Claim { return []engine.Claim{place.Claim(s.Path)} }

// Needs are the folder above and the owners.
func (s *Spec) Needs() []engine.Claim { return place.Needs(s.Path, s.attributes()) }

// Implies is the folder above.
func (s *Spec) Implies() []engine.Declared { return directory.ImpliedBy(s.Path) }

func (s *Spec) attributes() place.Attributes {
	return place.Attributes{Owner: s.Owner, Group: s.Group}
}
