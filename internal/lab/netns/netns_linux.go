package netns

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// NS is a network namespace that goes away with its test. Its loopback interface is up.
type NS struct {
	t    testing.TB
	file *os.File
}

// New makes a namespace. A test that cannot is skipped, and says why.
func New(t testing.TB) *NS {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip: apt install iproute2")
	}
	var file *os.File
	onThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("cannot make a network namespace: %w", err)
		}
		file, err = os.Open("/proc/thread-self/ns/net")
		return err
	}, t)
	n := &NS{t: t, file: file}
	t.Cleanup(func() { file.Close() })
	n.Run("ip", "link", "set", "lo", "up")
	return n
}

// Own is the namespace that this process is in, which outlives the test: for one that has a machine to itself.
func Own(t testing.TB) *NS {
	t.Helper()
	// Of this thread: the process's first one may be in another, if a test had it for a while (onThread).
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &NS{t: t, file: file}
}

// onThread runs f on a thread that ends with it, so that what f does to its thread is nobody else's.
func onThread(f func() error, t testing.TB) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: Go ends the thread
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// FD is a descriptor of the namespace.
func (n *NS) FD() int { return int(n.file.Fd()) }

// Do calls f on a thread in the namespace: sockets that f opens are in it, and stay so wherever they are used.
func (n *NS) Do(f func() error) {
	n.t.Helper()
	onThread(func() error {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			return err
		}
		return f()
	}, n.t)
}

// Start starts a program in the namespace.
func (n *NS) Start(cmd *exec.Cmd) {
	n.t.Helper()
	n.Do(cmd.Start)
}

// Run runs a program in the namespace and returns what it printed; a failure ends the test.
func (n *NS) Run(argv ...string) string {
	n.t.Helper()
	out, err := n.Try(nil, argv...)
	if err != nil {
		n.t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return out
}

// Try runs a program in the namespace with an input.
func (n *NS) Try(in []byte, argv ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &out
	n.Start(cmd)
	err := cmd.Wait()
	return out.String(), err
}

// Pair makes two namespaces with a cable between them: eth0 in each, with 192.0.2.1/24 and 2001:db8::1/64 in the
// first (the host) and 192.0.2.2/24 and 2001:db8::2/64 in the second (who comes from elsewhere).
func Pair(t testing.TB) (host, peer *NS) {
	t.Helper()
	host, peer = New(t), New(t)
	Connect(host, peer)
	return host, peer
}

// Connect lays the cable of Pair between two namespaces.
func Connect(host, peer *NS) {
	host.t.Helper()
	Cable(host, "eth0", peer, "eth0")
	for i, n := range []*NS{host, peer} {
		last := string(rune('1' + i))
		n.Run("ip", "addr", "add", "192.0.2."+last+"/24", "dev", "eth0")
		n.Run("ip", "addr", "add", "2001:db8::"+last+"/64", "dev", "eth0", "nodad")
	}
}

// Cable lays one between two namespaces, with an interface of the given name at each end, both up.
func Cable(a *NS, nameA string, b *NS, nameB string) {
	a.t.Helper()
	a.Do(func() error {
		// The peer's end is made here under another name and moved by a descriptor, which has no name anywhere.
		out, err := exec.Command("ip", "link", "add", nameA, "type", "veth", "peer", "name", "to-peer").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip link add: %w: %s", err, out)
		}
		return nil
	})
	move(a, "to-peer", b)
	b.Run("ip", "link", "set", "to-peer", "name", nameB)
	a.Run("ip", "link", "set", nameA, "up")
	b.Run("ip", "link", "set", nameB, "up")
}

func move(from *NS, name string, to *NS) {
	from.t.Helper()
	cmd := exec.Command("ip", "link", "set", name, "netns", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{to.file}
	from.Start(cmd)
	if err := cmd.Wait(); err != nil {
		from.t.Fatalf("cannot move %s: %v", name, err)
	}
}
