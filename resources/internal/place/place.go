// Package place is what the kinds that manage a path have in common: which paths a plan may
// manage, who owns them with which mode, and why a path cannot be changed.
package place

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// maxPath is the longest path that Linux takes.
const maxPath = 4095

// tempPrefix begins the names under which the engine makes new content.
const tempPrefix = ".agent0-converge."

// Validate returns why no plan may manage the path p, or nil.
func Validate(p string) error {
	if err := validate(p); err != nil {
		return &engine.AttributeError{Name: "path", Err: err}
	}
	return nil
}

func validate(p string) error {
	switch {
	case p == "":
		return errors.New("the path is empty")
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%q has a control character", p)
	case !absolute(p):
		return fmt.Errorf("%q is not absolute: write it as %s", p, exampleOf(p))
	case path.Clean(p) != p:
		return fmt.Errorf("%q is written in a roundabout way: write %q", p, path.Clean(p))
	case Parent(p) == "" && p == top(p):
		return fmt.Errorf("%q is the top of the tree, which no plan manages", p)
	case len(p) > maxPath:
		return fmt.Errorf("the path is %d bytes long; %d is the most", len(p), maxPath)
	case strings.HasPrefix(path.Base(p), tempPrefix):
		return fmt.Errorf("%q begins with %s, as the agent's own temporary files do", p, tempPrefix)
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > 255 {
			return fmt.Errorf("the name %.20s… in the path is %d bytes long; 255 is the most", name, len(name))
		}
	}
	return reserved(p)
}

// reserved returns why what is at the real path p is not a plan's to manage, or nil.
func reserved(p string) error {
	for _, r := range kernelTrees {
		if within(p, r) {
			return fmt.Errorf("%s is in %s, which the kernel makes and no file there stays", p, r)
		}
	}
	if within(p, engine.StateDir) {
		return fmt.Errorf("%s is in %s, where the agent keeps its journal", p, engine.StateDir)
	}
	if within(p, engine.RunDir) {
		return fmt.Errorf("%s is in %s, where the agent keeps what it knows of this boot", p, engine.RunDir)
	}
	return nil
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// Needs lists the claims on what must be there before the path p with attributes a: its folder
// and its owners.
func Needs(p string, a Attributes) []engine.Claim {
	var out []engine.Claim
	if dir := Parent(p); dir != "" {
		out = append(out, Claim(dir))
	}
	if a.Owner != "" && !numeric(a.Owner) {
		out = append(out, engine.UserClaim(a.Owner))
	}
	if a.Group != "" && !numeric(a.Group) {
		out = append(out, engine.GroupClaim(a.Group))
	}
	return out
}
