package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Addr names a resource inside its plan: "file.motd", or `file.unit["api"]` for one instance
// of a block with for_each or count. What is in a module has the module's address before its own:
// `module.net.file.conf`, `module.net["lan"].file.conf`.
type Addr string

// Base returns the address without its own instance key: what a reference to the whole block names.
func (a Addr) Base() Addr {
	keys := a.keys()
	if len(keys) == 0 || strings.HasPrefix(string(a[keys[len(keys)-1][1]:]), ".") {
		return a // the last key is a module's
	}
	return a[:keys[len(keys)-1][0]]
}

// Names lists a, and all that stands for it too: its block, the composite that it is a part of, the
// modules that it is in, and each of these without the keys of the innermost instances.
func (a Addr) Names() []Addr {
	out := []Addr{a}
	add := func(name Addr) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	add(a.Composite())
	add(a.Composite().Base())
	modules := a.modules()
	if len(modules) == 0 {
		return out
	}
	for _, name := range append(modules, a.Composite()) {
		add(name)
		for keys := name.keys(); len(keys) > 0; keys = keys[:len(keys)-1] {
			last := keys[len(keys)-1]
			name = name[:last[0]] + name[last[1]:]
			add(name)
		}
	}
	return out
}

// modules lists the module instances that a is in, outermost first.
func (a Addr) modules() []Addr {
	const word = "module."
	var out []Addr
	for at := 0; strings.HasPrefix(string(a[at:]), word); {
		end := strings.IndexAny(string(a[at+len(word):]), ".[")
		if end < 0 {
			break // a is a module itself
		}
		if end += at + len(word); a[end] == '[' {
			end = a.keyEnd(end)
		}
		if end >= len(a) || a[end] != '.' {
			break
		}
		out = append(out, a[:end])
		at = end + 1
	}
	return out
}

// keys lists where instance keys begin and end, brackets and all.
func (a Addr) keys() [][2]int {
	var out [][2]int
	for at := 0; ; {
		i := strings.IndexByte(string(a[at:]), '[')
		if i < 0 {
			return out
		}
		end := a.keyEnd(at + i)
		out = append(out, [2]int{at + i, end})
		at = end
	}
}

// keyEnd is where the key that begins at i ends. A key in quotes may hold anything.
func (a Addr) keyEnd(i int) int {
	quoted := false
	for i++; i < len(a); i++ {
		switch c := a[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ']' && !quoted:
			return i + 1
		}
	}
	return len(a)
}

// Claim names a thing on the host that only one resource of one plan may manage, such as
// "path:/etc/motd" or "user:agent0". The ledger is keyed by it.
type Claim string

// StateDir is where the engine keeps what it knows of earlier runs. No plan manages it.
const StateDir = "/var/lib/agent0-converge"

// CheckDir is where content lies, in a folder of its own, while a program looks at it before it is
// published. What a run that was cut short left there the next run removes: it may be secret.
const CheckDir = StateDir + "/check"

// ConfirmDir is where changes lie that wait for a confirmation, each with what takes it back. MarksDir has, of runs by
// their numbers, what became of such changes: it is written without the lock of the journal.
const (
	ConfirmDir = StateDir + "/confirm"
	MarksDir   = StateDir + "/marks"
)

// Mark is what became of a change that had to be confirmed.
type Mark string

// The marks.
const (
	Confirmed Mark = "confirmed"
	Reverted  Mark = "reverted" // it was not confirmed, or failed, and is as it was before
)

// RunMark is the content of a run's file in MarksDir, as JSON.
type RunMark struct {
	Mark Mark `json:"mark"`
	// Change is which of the run's changes it is about: a word of its own.
	Change string `json:"change"`
	// Why is said to people.
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// MarkPath is a run's file in MarksDir.
func MarkPath(run int) string { return fmt.Sprintf("%s/%06d", MarksDir, run) }

// RunDir is where kinds keep what they know of the present boot. No plan manages it.
const RunDir = "/run/agent0-converge"

// PathClaim is the claim on a file, directory or link.
func PathClaim(name string) Claim { return Claim("path:" + path.Clean(name)) }

// UserClaim is the claim on a user account.
func UserClaim(name string) Claim { return Claim("user:" + name) }

// GroupClaim is the claim on a group.
func GroupClaim(name string) Claim { return Claim("group:" + name) }

// UnitClaim is the claim on a unit of the service manager.
func UnitClaim(name string) Claim { return Claim("unit:" + name) }

// words are what is claimed, without the sort of thing that it is.
func (c Claim) words() string {
	if _, what, ok := strings.Cut(string(c), ":"); ok {
		return what
	}
	return string(c)
}

// Unit returns the unit of the service manager that c claims, or "".
func (c Claim) Unit() string {
	if name, ok := strings.CutPrefix(string(c), "unit:"); ok {
		return name
	}
	return ""
}

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
