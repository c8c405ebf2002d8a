package launch

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/runtime/door"
)

// opened makes the socket of an engine's own, for the program that this process becomes: that has given up all files then.
func opened(at door.At) (door.At, error) {
	if at.Socket == "" {
		return at, nil
	}
	l, err := door.Listen(at.Socket)
	if err != nil {
		return at, fmt.Errorf("cannot listen at the engine's socket: %w", err)
	}
	f, err := l.File()
	if err != nil {
		return at, errors.Join(err, l.Close())
	}
	fd, err := unix.Dup(int(f.Fd())) // which stays open in that program, as the file's own does not
	l.SetUnlinkOnClose(false)
	return door.At{Listen: strconv.Itoa(fd)}, errors.Join(err, f.Close(), l.Close())
}
