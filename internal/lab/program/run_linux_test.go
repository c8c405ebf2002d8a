package program

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ownerVariable makes this binary the owner of a bound program, to be killed by a test.
const ownerVariable = "PROGRAM_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sh", "-c", "echo $$; exec tail -f /dev/null")
	cmd.Stdout = os.Stdout
	if err := RunBound(cmd); err != nil {
		os.Exit(1)
	}
}

// A bound program ends when its owner is killed, who can do nothing more about it.
func TestRunBoundEndsWithItsOwner(t *testing.T) {
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"=1")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(line, readErr, owner.Process.Kill(), owner.Wait())
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if owner.Wait() == nil {
		t.Error("the owner was not killed")
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Errorf("it has not ended in a minute: %d, %v", n, err)
		}
		return
	}
}
