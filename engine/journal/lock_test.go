package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

const lockedRoot = "JOURNAL_TEST_ROOT"

// TestHoldLock is the other process of TestTwoProcesses.
func TestHoldLock(t *testing.T) {
	root := os.Getenv(lockedRoot)
	if root == "" {
		t.Skip("not started by TestTwoProcesses")
	}
	h, err := host.Open(host.Options{Root: root})
	check(t, err)
	j, err := Open(h.Files.Tree, kinds)
	check(t, err)
	rec, err := j.Start(t.Context(), h, Info{Verb: "apply"}, Options{})
	check(t, err)
	fmt.Printf("locked by %d\n", os.Getpid())
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent lets go
	check(t, errors.Join(err, rec.Close()))
}

// A second run is told who is at work, waits if it is asked to, and may go on as soon as the first
// process is gone, however it ended.
func TestTwoProcesses(t *testing.T) {
	r := newRig(t, nil)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHoldLock$")
	cmd.Env = append(os.Environ(), lockedRoot+"="+r.Path("/"))
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	defer func() { _ = cmd.Wait() }() // killed below
	defer in.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "locked by ") {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = r.start()
	held, ok := errors.AsType[*LockedError](err)
	if want := fmt.Sprintf("pid %d, apply, since ", cmd.Process.Pid); !ok || !strings.HasPrefix(held.Holder, want) {
		t.Fatalf("a second run: %v", err)
	}
	if _, err := r.open(); err != nil {
		t.Errorf("reading while another run is at work: %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.mustOpen().Start(stopped, r.Host(), Info{}, Options{LockTimeout: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run that was cancelled: %v", err)
	}
	check(t, cmd.Process.Kill())
	r.options.LockTimeout = time.Minute
	rec, err := r.start()
	check(t, err)
	check(t, rec.Finish(Converged))
}
