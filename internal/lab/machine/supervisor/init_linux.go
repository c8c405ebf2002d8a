package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// becomeInit makes the machine around this process, which is PID 1 of it already, and becomes systemd.
// It returns only if it could not.
func becomeInit(params string) error {
	unix.CloseOnExec(channel)
	err := makeMachine(params)
	if err == nil {
		err = execInit()
	}
	_, writeErr := fmt.Fprint(os.NewFile(channel, "report"), err)
	if writeErr != nil {
		return writeErr
	}
	return err
}

func makeMachine(params string) error {
	var p control.Init
	if err := json.Unmarshal([]byte(params), &p); err != nil {
		return fmt.Errorf("cannot understand what to do: %w", err)
	}
	layout, err := cgroup.Read()
	if err != nil {
		return err
	}
	if p.Unified {
		layout = layout.Unified()
	}
	// First the groups, then the namespace: it makes the groups its roots.
	if err := layout.Group(p.Group).Join(); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("cannot have control groups of its own: %w", err)
	}
	if err := mountAll(p.Root, p.Console, layout); err != nil {
		return err
	}
	if err := pivot(p.Root); err != nil {
		return err
	}
	return dropCapabilities()
}

// pivot makes root the root of the mounts, and leaves nothing of the old one.
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("cannot enter the root: %w", err)
	}
	// The old root ends up on top of the new one, and is taken off it. pivot_root(2), NOTES.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("cannot change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot leave the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("cannot enter the new root: %w", err)
	}
	// As systemd has it where it boots a machine and no container: it hands credentials to services by a mount that these have to see.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share mounts within the machine: %w", err)
	}
	return nil
}

// dropCapabilities gives up, for this process and all it starts, what would change the host that the
// kernel is shared with: its modules, its ports and its clock.
func dropCapabilities() error {
	for _, c := range []uintptr{unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO, unix.CAP_SYS_TIME} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot give up capability %d: %w", c, err)
		}
	}
	return nil
}

// execInit becomes systemd. container= tells it, and the units' conditions, that there is no hardware.
func execInit() error {
	env := []string{
		"container=agent0-lab", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=dumb", "SYSTEMD_COLORS=0",
	}
	if err := syscall.Exec("/sbin/init", []string{"/sbin/init", "--show-status=1"}, env); err != nil {
		return fmt.Errorf("cannot run /sbin/init (does the root have systemd-sysv?): %w", err)
	}
	return nil
}
