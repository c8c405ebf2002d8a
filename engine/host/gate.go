package host

import (
	"errors"
	"syscall"
)

// maxInterrupts bounds how often one interrupted change is tried again.
const maxInterrupts = 16

// gate is the one door that every change of the host passes through.
type gate struct{ watch func(Op) error }

// do names the change to the watcher and, if that has no objection, makes it.
//
// An interruption (EINTR) is tried again, and the watcher asked again, while that is safe:
// always when the watcher stopped the change, as nothing was made then, and after the call
// itself for calls that may be repeated. A rename or an unlink that was really interrupted,
// which only network file systems do, may have happened; it surfaces as an error and the
// next run finds out.
func (g gate) do(name, path string, change func() error) error {
	for try := 0; ; try++ {
		made := false
		err := g.ask(Op{name, path})
		if err == nil {
			made, err = true, change()
		}
		again := errors.Is(err, syscall.EINTR) && (!made || repeatable(name))
		if !again || try == maxInterrupts {
			return err
		}
	}
}

func (g gate) ask(op Op) error {
	if g.watch == nil {
		return nil
	}
	return g.watch(op)
}

// repeatable reports whether a call that was interrupted has the same outcome when made twice.
func repeatable(name string) bool {
	switch name {
	case "rename", "unlink", "rmdir", "mkdir", "symlink", "open", "exec", "detach", "netlink":
		return false
	}
	return true
}
