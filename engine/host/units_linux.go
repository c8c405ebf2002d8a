package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	systemdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	// dialLimit bounds one attempt to connect to systemd.
	dialLimit = 10 * time.Second
	// returnLimit is how long systemd may be away while it executes itself anew (daemon-reexec).
	returnLimit = 20 * time.Second
	// readLimit bounds one read, as it does for systemctl.
	readLimit = 25 * time.Second
	// dialPause lies between two attempts to connect, jobPause between two looks at a job.
	dialPause, jobPause = 50 * time.Millisecond, time.Second
)

// privateSocket is where systemd itself listens, for root: with it no message bus is needed.
const privateSocket = "unix:path=/run/systemd/private"

// systemd is the service manager of the running system, over D-Bus.
type systemd struct {
	open    func(context.Context) (*systemdConn, error)
	queries Queries

	mu   sync.Mutex
	conn *systemdConn
}

// systemdConn is one connection to systemd: go-systemd's, which waits for jobs, over two of D-Bus,
// of which the first is for calls and the second for signals.
type systemdConn struct {
	*systemdbus.Conn
	raw   []*dbus.Conn
	close context.CancelFunc
}

// dialSystemd connects to the systemd of the running system.
func dialSystemd(ctx context.Context, q Queries) (ServiceManager, error) {
	s := &systemd{open: openSystemd, queries: q}
	conn, err := s.open(ctx)
	s.conn = conn
	return s, err
}

func (s *systemd) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.close()
	return nil
}

// openSystemd connects to systemd's own socket or, for who is not root, to the system bus.
func openSystemd(ctx context.Context) (*systemdConn, error) {
	if os.Geteuid() != 0 {
		return openBus(ctx, dialSystemBus)
	}
	conn, err := openBus(ctx, dialPrivate)
	if err == nil {
		return conn, nil
	}
	conn, busErr := openBus(ctx, dialSystemBus)
	if busErr != nil {
		return nil, fmt.Errorf("%w; %w", err, busErr)
	}
	return conn, nil
}

func dialPrivate(o dbus.ConnOption) (*dbus.Conn, error) {
	conn, err := dbus.Dial(privateSocket, o)
	if err == nil {
		err = conn.Auth(nil)
	}
	return conn, err
}

func dialSystemBus(o dbus.ConnOption) (*dbus.Conn, error) {
	conn, err := dbus.SystemBusPrivate(o)
	if err == nil {
		err = conn.Auth(nil)
	}
	if err == nil {
		err = conn.Hello()
	}
	return conn, err
}

// openBus makes one connection and asks systemd its version over it, as a bus that answers says
// nothing about systemd. A D-Bus connection ends with the context that it is made with, so it gets
// one of its own; ctx bounds only the making.
func openBus(ctx context.Context, dial func(dbus.ConnOption) (*dbus.Conn, error)) (*systemdConn, error) {
	ctx, done := context.WithTimeout(ctx, dialLimit)
	defer done()
	own, end := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, end)
	s := &systemdConn{close: end}
	var err error
	s.Conn, err = systemdbus.NewConnection(func() (*dbus.Conn, error) {
		conn, err := dial(dbus.WithContext(own))
		if conn != nil {
			s.raw = append(s.raw, conn)
		}
		return conn, err
	})
	if err == nil {
		_, err = s.GetManagerProperty("Version")
	}
	if !stop() && err != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	if err != nil {
		end()
		return nil, err
	}
	return s, nil
}

// lost reports whether err is about the connection and not about what was asked.
func lost(err error) bool {
	if err == nil {
		return false
	}
	if answer, ok := errors.AsType[dbus.Error](err); ok {
		switch answer.Name {
		case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected",
			"org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.ServiceUnknown":
			return true
		}
		return strings.HasPrefix(answer.Name, "org.freedesktop.DBus.Error.Spawn.")
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// current returns the connection, a new one if the last was seen to end.
func (s *systemd) current(ctx context.Context) (*systemdConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Connected() {
		return s.conn, nil
	}
	s.conn.close()
	conn, err := s.reopen(ctx)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return conn, nil
}

// reopen connects once systemd is back.
func (s *systemd) reopen(ctx context.Context) (*systemdConn, error) {
	ctx, done := context.WithTimeout(ctx, returnLimit)
	defer done()
	pause := time.NewTicker(dialPause)
	defer pause.Stop()
	for {
		conn, err := s.open(ctx)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot reach systemd again: %w", err)
		case <-pause.C:
		}
	}
}

// read asks systemd something that may be asked again, once more if the connection breaks.
func (s *systemd) read(ctx context.Context, ask func(context.Context, *systemdConn) error) error {
	ctx, done := context.WithTimeout(ctx, readLimit)
	defer done()
	return s.repeatIf(ctx, lost, func(c *systemdConn) error { return ask(ctx, c) })
}
