package session_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// engine serves fronts at a socket in this process.
func engine(t *testing.T) (path string, ended <-chan error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "engine")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return path, serve(t, l)
}

func serve(t *testing.T, l net.Listener) <-chan error {
	t.Helper()
	s := &session.Server{Hello: wire.Hello{Protocol: wire.Version}}
	ctx, stop := context.WithCancel(context.Background())
	result, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		result <- s.Serve(ctx, l)
	}()
	t.Cleanup(func() { stop(); <-done })
	return result
}

func dial(t *testing.T, path string) *wire.Conn[wire.ToEngine, wire.FromEngine] {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return wire.NewConn[wire.ToEngine, wire.FromEngine](c)
}

// Who came last is the front, however soon after another it came: one that was killed and started again finds an engine that has
// not looked at the first yet.
func TestLastFrontStays(t *testing.T) {
	for range 100 {
		path := filepath.Join(t.TempDir(), "engine")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		first, last := dial(t, path), dial(t, path)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		ended := serve(t, l)
		if m, err := last.Receive(); err != nil || m.Hello == nil {
			t.Fatalf("%+v, %v", m, err)
		}
		if err := last.Send(&wire.ToEngine{End: true}); err != nil {
			t.Fatal(err)
		}
		if m, err := last.Receive(); err != nil || !m.Ending {
			t.Fatalf("%+v, %v", m, err)
		}
		if err := <-ended; !errors.Is(err, session.ErrEnd) {
			t.Fatalf("it ended with %v", err)
		}
	}
}

// An engine that says that it ends lets nobody in any more.
func TestEnd(t *testing.T) {
	path, ended := engine(t)
	c := dial(t, path)
	if err := c.Send(&wire.ToEngine{End: true}); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Ending {
			break
		}
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		t.Error("it lets another front in")
	}
	if err := <-ended; !errors.Is(err, session.ErrEnd) {
		t.Errorf("it ended with %v", err)
	}
}

// An engine without a front ends, and not while there is one.
func TestLonely(t *testing.T) {
	const lonely = 50 * time.Millisecond
	path := filepath.Join(t.TempDir(), "engine")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &session.Server{Lonely: lonely}
	ended := make(chan error, 1)
	front, err := net.Dial("unix", path) // it waits until the engine serves
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- s.Serve(t.Context(), l) }()
	c := wire.NewConn[wire.ToEngine, wire.FromEngine](front)
	if _, err := c.Receive(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with %v though there is a front", err)
	case <-time.After(3 * lonely):
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, session.ErrEnd) {
		t.Errorf("it ended with %v", err)
	}
}
