// Package door is where fronts reach an engine: the socket that systemd hands over, one of the engine's own, or the one connection
// to a front that is the engine's parent.
package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/agent0-converge/agent0-converge/runtime/session"
)

// buffer is how many bytes to a front the kernel keeps, so that an engine need not wait for one that is busy.
const buffer = 4 << 20

// At says where an engine is reached; where it says nothing, systemd hands over a socket.
type At struct {
	// Socket is the path of one to listen at.
	Socket string
	// Dial is the path of a socket where the front waits, FD the descriptor of a connection to it: "" is none.
	Dial, FD string
	// Listen is the descriptor of a socket at which somebody has begun to listen: who has given up files cannot make one.
	Listen string
}

// Args are the arguments that tell agent0-engine.
func (a At) Args() []string {
	switch {
	case a.FD != "":
		return []string{"-fd", a.FD}
	case a.Listen != "":
		return []string{"-listen", a.Listen}
	case a.Socket != "":
		return []string{"-socket", a.Socket}
	case a.Dial != "":
		return []string{"-dial", a.Dial}
	}
	return nil
}

// Open returns what serves fronts there until its context ends, a front tells the engine to end, or the one front is gone.
func Open(at At) (func(context.Context, *session.Server) error, error) {
	if at.FD != "" {
		fd, err := strconv.Atoi(at.FD)
		if err != nil {
			return nil, fmt.Errorf("descriptor %q is no number: %w", at.FD, err)
		}
		f := os.NewFile(uintptr(fd), "front")
		c, err := net.FileConn(f)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d is no connection: %w", fd, err)
		}
		return only(c), f.Close()
	}
	if at.Dial != "" {
		c, err := net.Dial("unix", at.Dial)
		if err != nil {
			return nil, fmt.Errorf("cannot reach the front: %w", err)
		}
		return only(c), nil
	}
	l, err := listener(at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s *session.Server) error { return s.Serve(ctx, roomyListener{l}) }, nil
}

// only serves the front of one connection, with which the engine ends: well if the front said so.
func only(c net.Conn) func(context.Context, *session.Server) error {
	return func(ctx context.Context, s *session.Server) error {
		err := s.ServeConn(ctx, roomy(c))
		if errors.Is(err, session.ErrEnd) {
			return err
		}
		return errors.Join(err, errors.New("the front is gone"))
	}
}

func listener(at At) (net.Listener, error) {
	if at.Listen != "" {
		return inherited(at.Listen)
	}
	all, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, err
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1:
		return nil, fmt.Errorf("systemd hands over %d sockets, and one is needed", len(all))
	case at.Socket == "":
		return nil, errors.New("there is no socket: give -socket PATH, or start it by systemd's socket")
	}
	return Listen(at.Socket)
}

// Listen listens at a path, in place of an engine that did.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// inherited is the socket of a descriptor.
func inherited(number string) (net.Listener, error) {
	fd, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("descriptor %q is no number: %w", number, err)
	}
	f := os.NewFile(uintptr(fd), "socket")
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no socket to listen at: %w", fd, err)
	}
	return l, f.Close()
}

type roomyListener struct{ net.Listener }

func (l roomyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return roomy(c), nil
}

func roomy(c net.Conn) net.Conn {
	if u, ok := c.(*net.UnixConn); ok {
		u.SetWriteBuffer(buffer) // the kernel's limit may be less, which is no error
	}
	return c
}
