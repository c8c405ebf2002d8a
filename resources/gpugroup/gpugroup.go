// Package gpugroup puts one user into the groups that may use the host's GPUs.
package gpugroup

import (
	"errors"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Spec is a user's right to use the GPUs of the host: its being a member of the groups that own their
// device nodes (/dev/dri/card*, /dev/dri/renderD*, /dev/kfd, /dev/nvidia*). Distributions differ in
// these groups, so they are read off the nodes. Where there are no nodes, and in an image, they are
// those of video and render that exist; a group that does not is never made. Processes that run do
// not gain groups: what refers to the block is restarted.
type Spec struct {
	// Label is what references call the block by.
	Label string `hcl:"label,label" diff:"-"`
	// User is the user's name. Left out, it is the block's label.
	User string `hcl:"user,optional"`
	// Groups are taken in place of those that own the nodes.
	Groups []string `hcl:"groups,optional"`

	// Asked are the groups that counted when the user was looked at.
	Asked []string `record:"asked"`
	// Beside tells between which others the user is in the lists of those groups.
	Beside map[string][]string `record:"beside" diff:"-"`
	// Gone says that the user is to be in none of them; being in none is absence then, and a state
	// otherwise.
	Gone bool `record:"gone"`

	nobodys []string // nodes of a group that has no name
}

// usual are the groups of GPUs on most distributions.
var usual = []string{"render", "video"}

// Absent tells that the user is to be in none of the groups.
func (s *Spec) Absent() { s.Gone = true }

// Default takes the user from the label.
func (s *Spec) Default() {
	if s.User == "" {
		s.User = s.Label
	}
	s.Label = ""
	s.Groups = accounts.Sorted(s.Groups)
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{accounts.ValidName("user", s.User)}
	for _, name := range s.Groups {
		errs = append(errs, accounts.ValidName("groups", name))
	}
	return errors.Join(errs...)
}

// named are the groups as far as they can be told without the host.
func (s *Spec) named() []string {
	if s.Groups != nil {
		return s.Groups
	}
	return usual
}

// Claims are the user's GPU groups, and its being a member of those that can be told beforehand.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{engine.Claim("gpu_group:" + s.User)}
	if s.Gone {
		return out
	}
	for _, name := range s.named() {
		out = append(out, accounts.MemberClaim(name, s.User))
	}
	return out
}

// Needs are the user and the groups.
func (s *Spec) Needs() []engine.Claim {
	out := []engine.Claim{engine.UserClaim(s.User)}
	for _, name := range s.named() {
		out = append(out, engine.GroupClaim(name))
	}
	return out
}
