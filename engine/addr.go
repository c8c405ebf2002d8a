package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Addr names a resource inside its plan: "file.motd", or `file.unit["api"]` for one instance
// of a block with for_each or count.
type Addr string

// Base returns the address without its instance key: what a reference to the whole block names.
func (a Addr) Base() Addr {
	if i := strings.IndexByte(string(a), '['); i >= 0 {
		return a[:i]
	}
	return a
}

// Names lists a, and the block and the composite that it is a part of: what stands for it too.
func (a Addr) Names() []Addr {
	out := []Addr{a}
	for _, name := range []Addr{a.Composite(), a.Composite().Base()} {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Claim names a thing on the host that only one resource of one plan may manage, such as
// "path:/etc/motd" or "user:agent0". The ledger is keyed by it.
type Claim string

// StateDir is where the engine keeps what it knows of earlier runs. No plan manages it.
const StateDir = "/var/lib/agent0-converge"

// CheckDir is where content lies, in a folder of its own, while a program looks at it before it is
// published. What a run that was cut short left there the next run removes: it may be secret.
const CheckDir = StateDir + "/check"

// PathClaim is the claim on a file, directory or link.
func PathClaim(name string) Claim { return Claim("path:" + path.Clean(name)) }

// UserClaim is the claim on a user account.
func UserClaim(name string) Claim { return Claim("user:" + name) }

// GroupClaim is the claim on a group.
func GroupClaim(name string) Claim { return Claim("group:" + name) }

// UnitClaim is the claim on a unit of the service manager.
func UnitClaim(name string) Claim { return Claim("unit:" + name) }

// Path returns the path that c claims, or "".
func (c Claim) Path() string {
	if p, ok := strings.CutPrefix(string(c), "path:"); ok {
		return p
	}
	return ""
}

// Position is a place in a source text; Line and Column count from 1, Byte from 0.
type Position struct{ Line, Column, Byte int }

// Place is where a plan says something. The zero Place is nowhere: what no plan says any more.
type Place struct {
	File       string
	Start, End Position
}

func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Start.Line)
}
