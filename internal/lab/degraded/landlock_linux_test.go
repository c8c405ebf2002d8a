package degraded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// withoutLandlock names, in the environment of this test's program, what it becomes where the kernel has no Landlock.
const withoutLandlock = "AGENT0_WITHOUT_LANDLOCK"

// becomeWithoutLandlock has the kernel answer as one does that never heard of Landlock, and becomes a program. It returns if that fails.
func becomeWithoutLandlock(program string, args []string) error {
	runtime.LockOSThread() // execve keeps the filter of the thread that calls it
	err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{
			Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS),
			Names:  []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"},
		}},
	}})
	return errors.Join(err, os.Unsetenv(withoutLandlock), syscall.Exec(program, append([]string{program}, args...), os.Environ()))
}

// Under a kernel without Landlock the engine computes all the same, and it is said what it is not kept from.
func TestNoLandlock(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := programs
	p.Agent = filepath.Join(t.TempDir(), "agent")
	script := fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' \"$@\"\n", withoutLandlock, programs.Agent, self)
	if err := os.WriteFile(p.Agent, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, p, nil)
	degradedIs(t, s, s.AwaitReady(t), "the engine can reach all files that its user can: this kernel has no Landlock")
	answer(t, s, "violin")
}
