// Package owner says what those who own a host's firewall have in common: nftables, firewalld and ufw each have rules
// in words of their own, a state that runs and one that persists, and are told by each what is to be there.
package owner

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Owner is who decides about the ports of a host.
type Owner interface {
	// Name is nftables, firewalld or ufw.
	Name() string
	// Lines are what has to be there for r, in the owner's own words. An error says what the owner cannot do, and what
	// to write instead.
	Lines(ctx context.Context, v host.View, r Rule) ([]Line, error)
	// Read returns all lines that the owner has. In an image the running state is nil.
	Read(ctx context.Context, v host.View) (*State, error)
	// SetRunning takes what runs from what it is to the same without out and with in, and leaves what persists alone.
	// Lines of out that are not there, and of in that are, are no error: interrupted anywhere and called again, or called
	// with out and in changed about, it arrives.
	SetRunning(ctx context.Context, h *host.Host, out, in []Line) error
	// SetPersistent does so to what comes back after a boot, a reload and a restart, and leaves what runs alone.
	SetPersistent(ctx context.Context, h *host.Host, out, in []Line) error
	// Narrows reports whether taking what runs from having out to having in might keep out new connections to the TCP
	// port that were let in before.
	Narrows(out, in []Line, port uint16) bool
}

// Forgetful is an owner whose running state keeps less of a line than the persistent one.
type Forgetful interface {
	// Running is a line as Read tells it of what runs, once it was set.
	Running(l Line) Line
}

// Running is what the running state of an owner keeps of a line: what is wanted there is compared with what runs in this
// form.
func Running(o Owner, l Line) Line {
	if f, ok := o.(Forgetful); ok {
		return f.Running(l)
	}
	return l
}

// Line is one rule of an owner.
type Line struct {
	// Key says what it matches, and where: an owner has at most one line of a key.
	Key string `json:"key"`
	// Text is all of it, so that two lines that are equal do the same. An owner can tell from it alone what to do.
	Text string `json:"text"`
}

// State are the lines of an owner by their keys.
type State struct {
	// Running is nil where there is no running state: in an image.
	Running, Persistent map[string]Line
	// Damage says what is wrong with either state as a whole, such as a table of ours into which somebody wrote; any Set
	// of that state puts it right. Empty means sound.
	RunningDamage, PersistentDamage string
}
