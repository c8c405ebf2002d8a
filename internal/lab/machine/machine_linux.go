package machine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Options say how a machine differs from the usual one.
type Options struct {
	// Packages are what Booted's root has beyond the usual.
	Packages []string
	// InMemory keeps what the machine writes in memory: faster, and at the cost of as much memory.
	InMemory bool
	// Unified gives the machine control groups of version 2 alone. On a host that has both versions they
	// control nothing, since version 1 has the controllers.
	Unified bool
	// BootLimit is how long a boot may take. 0 is two minutes, on a busy machine too.
	BootLimit time.Duration
}

// defaultBootLimit is some hundred times what a boot takes on an idle machine.
const defaultBootLimit = 2 * time.Minute

// Machine is a system on an overlay over a root, running or off. What it writes lasts over its boots, until Close.
type Machine struct {
	name    string
	dir     string
	merged  string
	options Options
	group   cgroup.Group
	program *program.Compiled

	supervisor *exec.Cmd
	stderr     *os.File
	socket     *os.File
	requests   *json.Encoder
	replies    chan control.Reply // what is asked for, one at a time
	listening  sync.WaitGroup

	asking sync.Mutex // held from request to reply
	mu     sync.Mutex // guards the rest
	now    *power     // nil while it is off
	last   *power     // the same, and after it has ended
	runs   int
}

// power is one time that a machine is on.
type power struct {
	pid   int
	ended chan struct{} // closed when it is off
	how   string        // one of control's words; only after ended
	err   error         // why it could not be cleaned up after; only after ended
}

// New makes a machine, powered off, over root, which Root has returned.
func New(root string, o Options) (*Machine, error) {
	supervisor, err := supervisorProgram()
	if err != nil {
		return nil, err
	}
	layout, err := cgroup.Read()
	if err != nil {
		return nil, err
	}
	if o.Unified {
		layout = layout.Unified()
	}
	if o.BootLimit == 0 {
		o.BootLimit = defaultBootLimit
	}
	name := "agent0-lab-" + strings.ToLower(rand.Text()[:10])
	m := &Machine{
		name: name, dir: filepath.Join(os.TempDir(), name), options: o,
		group: layout.Group(name), program: supervisor, replies: make(chan control.Reply, 1),
	}
	if err := m.supervise(); err != nil {
		return nil, err
	}
	r, err := m.ask(control.Setup{Root: root, Dir: m.dir, InMemory: o.InMemory, Unified: o.Unified})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make a machine: %w", err), m.Close())
	}
	m.merged = r.Merged
	return m, nil
}

// supervise starts the process that owns the machine. It is in a session of its own: what a terminal
// sends to this process must not reach it.
func (m *Machine) supervise() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make a socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	if err := unix.SetNonblock(pair[0], true); err != nil { // so that Close ends a read
		return errors.Join(fmt.Errorf("cannot make a socket: %w", err), unix.Close(pair[0]))
	}
	m.socket = os.NewFile(uintptr(pair[0]), "control")
	// Not a pipe: its reader may be gone when the supervisor has something to say.
	fd, err := unix.MemfdCreate("supervisor-stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot make a log: %w", err), m.socket.Close())
	}
	m.stderr = os.NewFile(uintptr(fd), "supervisor-stderr")
	m.supervisor = &exec.Cmd{
		Path: m.program.Path(), Args: []string{"supervisor", "supervise", m.name},
		Dir: "/", Stderr: m.stderr, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Setsid: true},
	}
	if err := m.supervisor.Start(); err != nil {
		return errors.Join(fmt.Errorf("cannot start a supervisor (this needs root): %w", err), m.socket.Close(), m.stderr.Close())
	}
	m.requests = json.NewEncoder(m.socket)
	m.listening.Go(m.listen)
	return nil
}

// listen takes what the supervisor says until it is gone.
func (m *Machine) listen() {
	defer close(m.replies)
	in := json.NewDecoder(m.socket)
	for {
		var r control.Reply
		if in.Decode(&r) != nil {
			m.off(control.Reply{Ended: "its supervisor ended"})
			return
		}
		switch {
		case r.Ended != "":
			m.off(r)
			continue
		case r.PID != 0:
			m.mu.Lock()
			m.now = &power{pid: r.PID, ended: make(chan struct{})}
			m.last = m.now
			m.mu.Unlock()
		}
		m.replies <- r
	}
}

// off notes how the machine ended.
func (m *Machine) off(r control.Reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return
	}
	m.now.how = r.Ended
	if r.Error != "" {
		m.now.err = errors.New(r.Error)
	}
	close(m.now.ended)
	m.now = nil
}

// ask sends a message and returns the answer to it.
func (m *Machine) ask(what any) (control.Reply, error) {
	m.asking.Lock()
	defer m.asking.Unlock()
	if err := m.requests.Encode(what); err != nil {
		return control.Reply{}, fmt.Errorf("cannot ask the machine's supervisor: %w", err)
	}
	r, ok := <-m.replies
	if !ok {
		return r, errors.New("the machine's supervisor has ended")
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// Close powers the machine off as a power cut would, and removes all there is of it. It returns when nothing is left.
func (m *Machine) Close() error {
	err := m.socket.Close()
	m.listening.Wait()
	if waitErr := m.supervisor.Wait(); waitErr != nil {
		said, readErr := m.said()
		err = errors.Join(err, fmt.Errorf("cannot remove the machine %s: %w: %s", m.name, waitErr, said), readErr, m.sweep())
	}
	return errors.Join(err, m.stderr.Close())
}

// sweep removes what a supervisor that was killed has left. Its mounts and processes went with it.
func (m *Machine) sweep() error {
	ctx, cancel := context.WithTimeout(context.Background(), killLimit)
	defer cancel()
	return errors.Join(m.group.Kill(ctx), m.group.Remove(ctx), os.RemoveAll(m.dir))
}

// said is what the supervisor has written to its standard error.
func (m *Machine) said() (string, error) {
	b, err := io.ReadAll(io.NewSectionReader(m.stderr, 0, 1<<20))
	return program.Tail(b), err
}
