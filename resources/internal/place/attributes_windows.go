package place

import (
	"errors"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// platform returns why an attribute cannot be asked for here, or nil.
func platform(string) error {
	return errors.New("Windows has access lists in its place: leave it out there, as by host.os")
}

// Private is the mode of what holds secrets, as a default. On Windows such a file gets an access
// list of its owner, the system and the administrators when it is made.
const Private = ""

// Observe returns the attributes of a path, of which Windows has none.
func Observe(host.View, host.Info, Attributes) Attributes { return Attributes{} }

// Attr returns what a path is made with: a fresh mode that is the owner's alone is a private
// access list, any other what the folder hands down.
func (a Attributes) Attr(_ host.View, _ *host.Info, fresh fs.FileMode) (host.Attr, error) {
	out := host.Attr{UID: -1, GID: -1}
	if fresh&0o077 == 0 {
		out.Mode = fresh
	}
	return out, nil
}

func (a Attributes) checkOwner(host.View, *host.Info) error { return nil }
