package host

import (
	"os/exec"
	"strings"
	"syscall"
)

func programDirs() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

func environment() []string {
	return []string{"PATH=" + strings.Join(programDirs(), ":"), "LC_ALL=C", "HOME=/"}
}

// group puts a program into a process group of its own, so that what it starts ends with
// it. It is asked first: a useradd that is killed leaves its lock files behind.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// endGroup kills what is left of the group. A group's number is not given away while it
// has a member, and one without members answers ESRCH.
func endGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// session puts a program into a session of its own, which no terminal and no end of this process reaches (setsid(2)).
func session(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
