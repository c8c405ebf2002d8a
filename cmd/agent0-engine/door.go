//go:build llama

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/agent0-converge/agent0-converge/runtime/session"
)

// buffer is how many bytes to a front the kernel keeps, so that an engine need not wait for one that is busy.
const buffer = 4 << 20

// door returns what serves fronts: over the socket that systemd hands over, one of our own, or the one connection to a front
// that is this engine's parent.
func door(path, dial string, fd int) (func(context.Context, *session.Server) error, error) {
	if fd >= 0 {
		f := os.NewFile(uintptr(fd), "front")
		c, err := net.FileConn(f)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d is no connection: %w", fd, err)
		}
		return only(c), f.Close()
	}
	if dial != "" {
		c, err := net.Dial("unix", dial)
		if err != nil {
			return nil, fmt.Errorf("cannot reach the front: %w", err)
		}
		return only(c), nil
	}
	l, err := listener(path)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s *session.Server) error { return s.Serve(ctx, roomyListener{l}) }, nil
}

// only serves the front of one connection, with which the engine ends.
func only(c net.Conn) func(context.Context, *session.Server) error {
	return func(ctx context.Context, s *session.Server) error {
		err := s.ServeConn(ctx, roomy(c))
		return errors.Join(err, errors.New("the front is gone"))
	}
}

func listener(path string) (net.Listener, error) {
	all, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, err
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1:
		return nil, fmt.Errorf("systemd hands over %d sockets, and one is needed", len(all))
	case path == "":
		return nil, errors.New("there is no socket: give -socket PATH, or start it by systemd's socket")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
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
