// Package hosttest is a machine for tests: a real tree in a temporary folder, programs and units
// that Go functions play, and changes that can be counted, failed and stopped.
package hosttest

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Config says what a machine is like. It can make any number of machines.
type Config struct {
	// Files are there from the start, by path. Folders above them need not be named.
	Files map[string]File
	// Programs are all that the machine has, by name.
	Programs map[string]Program
	// Systemd, where not nil, gives it a service manager.
	Systemd *SystemdConfig
	// Net, where not nil, makes the network of a machine: interfaces, sockets and a packet filter.
	Net func(testing.TB) Net
	// Bus, where not nil, makes what plays the services of the message bus of a machine.
	Bus func(*Machine) host.BusFunc
	// Facts, where nil, are those of an ordinary machine.
	Facts *host.Facts
	// Offline makes it an image instead of a running system: it has no programs.
	Offline bool
}

// Net is a network namespace of a machine's own.
type Net interface {
	// FD is a descriptor of it.
	FD() int
	// Snapshot says what its packet filter does, as lines by name.
	Snapshot() map[string]string
}

// File is something at a path: a file, a folder or, with Link, a symbolic link.
type File struct {
	Content string
	// Mode in octal bits; 0 is 0644 for a file and 0755 for a folder.
	Mode fs.FileMode
	// UID and GID count where the test runs as root; elsewhere all is the process's own.
	UID, GID int
	Link     string
	Dir      bool
	Xattrs   map[string]string
}

// Program plays a program on a machine. It behaves: a swapon appends to /proc/swaps.
type Program func(ctx context.Context, m *Machine, argv []string, stdin []byte) (host.Output, error)

// Machine is a host under test.
type Machine struct {
	t       testing.TB
	root    string
	host    *host.Host
	systemd *Systemd
	net     Net
	faults
}

// New makes a machine that goes away with the test.
func New(t testing.TB, c Config) *Machine {
	t.Helper()
	m := &Machine{t: t, root: t.TempDir()}
	m.check(os.Chmod(m.root, 0o755))
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		m.Put(name, c.Files[name])
	}
	facts := ordinary()
	if c.Facts != nil {
		facts = *c.Facts
	}
	o := host.Options{Root: m.root, Facts: &facts, Watch: m.watch, Ran: m.ran, Programs: m.programs(c)}
	if c.Systemd != nil && !c.Offline {
		m.systemd = newSystemd(t, m.tree(), *c.Systemd)
		o.Units = m.systemd
	}
	if c.Net != nil && !c.Offline {
		m.net = c.Net(t)
		o.NetNS = m.net.FD()
	}
	if c.Bus != nil && !c.Offline {
		o.Bus = c.Bus(m)
	}
	h, err := host.Open(o)
	m.check(err)
	t.Cleanup(func() { h.Close() })
	m.host = h
	return m
}

// tree is the machine's tree for those who play its programs.
func (m *Machine) tree() host.Tree {
	h, err := host.Open(host.Options{Root: m.root, Facts: &host.Facts{}})
	m.check(err)
	m.t.Cleanup(func() { h.Close() })
	return h.Files.Tree
}

func ordinary() host.Facts {
	return host.Facts{
		OS: "linux", Arch: "amd64", Kernel: "6.1.0", Hostname: "machine",
		Distro: host.Distro{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
		Init:   "systemd", Virtualization: "none", SELinux: "disabled", Firewall: "none",
		CPUs: 4, Memory: 8 << 30,
	}
}

// programs hands each function its machine. That the map is not nil is what makes the
// machine a running system.
func (m *Machine) programs(c Config) map[string]host.ProgramFunc {
	if c.Offline {
		return nil
	}
	played := map[string]host.ProgramFunc{}
	for name, play := range c.Programs {
		played[name] = func(ctx context.Context, argv []string, stdin []byte) (host.Output, error) {
			return play(ctx, m, argv, stdin)
		}
	}
	return played
}

// Host returns the machine to whoever changes it.
func (m *Machine) Host() *host.Host { return m.host }

// View returns the machine to whoever reads it.
func (m *Machine) View() host.View { return m.host.View() }

// Path returns where a path of the machine is on the system that runs the test.
func (m *Machine) Path(name string) string { return filepath.Join(m.root, filepath.FromSlash(name)) }

// Put places something on the machine from outside: nothing counts or fails it.
func (m *Machine) Put(name string, f File) {
	m.t.Helper()
	full, mode := m.Path(name), f.Mode
	m.check(os.MkdirAll(filepath.Dir(full), 0o755))
	switch {
	case f.Link != "":
		m.Delete(name)
		m.check(os.Symlink(f.Link, full))
	case f.Dir:
		m.check(os.MkdirAll(full, 0o755))
		mode = or(mode, 0o755)
	default:
		m.check(os.WriteFile(full, []byte(f.Content), 0o600))
		mode = or(mode, 0o644)
	}
	m.check(dress(full, f, mode))
}

func or(mode, otherwise fs.FileMode) fs.FileMode {
	if mode == 0 {
		return otherwise
	}
	return mode
}

// Get returns the content of a file of the machine, and fails the test if there is none.
func (m *Machine) Get(name string) string {
	m.t.Helper()
	b, err := os.ReadFile(m.Path(name))
	m.check(err)
	return string(b)
}

// Delete removes a path and all below it from outside.
func (m *Machine) Delete(name string) {
	m.t.Helper()
	m.check(os.RemoveAll(m.Path(name)))
}

func (m *Machine) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}
