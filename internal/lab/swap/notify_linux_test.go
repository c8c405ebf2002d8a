package swap_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// systemd is a socket for what services say of themselves.
type systemd struct {
	t    *testing.T
	conn *net.UnixConn
}

func listen(t *testing.T) *systemd {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return &systemd{t, c}
}

// next returns the lines of the next message that has one.
func (s *systemd) next(line string) []string {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(serving.Patience)) // an error shows in Read
	b := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(b)
		if err != nil {
			s.t.Fatalf("%s was never said: %v", line, err)
		}
		if lines := strings.Split(string(b[:n]), "\n"); slices.Contains(lines, line) {
			return lines
		}
	}
}

// systemd is told when a reload begins and that it is over, whether the configuration is taken or not.
func TestReloadIsToldToSystemd(t *testing.T) {
	told := listen(t)
	s := serving.Serve(t, programs, t.TempDir(), nil)
	s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	for {
		if lines := told.next("READY=1"); slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "STATUS=ready") }) {
			break // the front's, and not its engine's
		}
	}
	for _, f := range []func() error{
		func() error { s.Config.Server.Aliases = []string{"another"}; return s.Configure() },
		func() error { return s.Corrupt("{") },
		func() error { s.Config.Engine = spec.Engine{}; return s.Configure() },
	} {
		if err := errors.Join(f(), s.Reload()); err != nil {
			t.Fatal(err)
		}
		lines := told.next("RELOADING=1")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") }) {
			t.Errorf("a reload begins without its time: %q", lines)
		}
		told.next("READY=1")
	}
}
