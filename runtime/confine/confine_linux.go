package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// The versions of Landlock's interface that bring something (https://docs.kernel.org/userspace-api/landlock.html).
const (
	landlockFiles   = 1
	landlockNetwork = 4 // no TCP
)

// Engine confines this process for good. It returns, in words, what could not be had: an old kernel is no reason not to run.
func Engine(f Files) (missing []string, err error) {
	version, err := ll.LandlockGetABIVersion()
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		missing = append(missing, "the engine can reach all files that its user can: this kernel has no Landlock")
	case err != nil:
		return nil, fmt.Errorf("cannot ask for Landlock: %w", err)
	default:
		if err := restrict(f); err != nil {
			return nil, err
		}
		if version < landlockNetwork {
			missing = append(missing, "Landlock of this kernel does not cover the network: the filter of system calls alone does")
		}
	}
	if !seccomp.Supported() {
		return append(missing, "the engine can make all system calls: this kernel filters none"), nil
	}
	if err := seccomp.LoadFilter(filter()); err != nil {
		return nil, fmt.Errorf("cannot filter system calls: %w", err)
	}
	return missing, nil
}

func restrict(f Files) error {
	var rules []landlock.Rule
	for _, p := range f.Run {
		rules = append(rules, rule(p, landlock.RODirs, landlock.ROFiles))
	}
	for _, p := range f.Read {
		rules = append(rules, rule(p, readDirs, readFiles))
	}
	for _, p := range f.Devices {
		rules = append(rules, rule(p, deviceDirs, deviceFiles))
	}
	if err := landlock.V5.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("cannot give up files and network: %w", err)
	}
	return nil
}

// The rights of Landlock for what is read and not run.
const (
	readFile = 1 << 2 // LANDLOCK_ACCESS_FS_READ_FILE
	readDir  = 1 << 3 // LANDLOCK_ACCESS_FS_READ_DIR
)

func readDirs(p ...string) landlock.FSRule  { return landlock.PathAccess(readFile|readDir, p...) }
func readFiles(p ...string) landlock.FSRule { return landlock.PathAccess(readFile, p...) }

// What drives a device is asked of it by ioctl.
func deviceDirs(p ...string) landlock.FSRule  { return landlock.RWDirs(p...).WithIoctlDev() }
func deviceFiles(p ...string) landlock.FSRule { return landlock.RWFiles(p...).WithIoctlDev() }

// rule is of what a path is; one that is not there is left out.
func rule(p string, dirs, files func(...string) landlock.FSRule) landlock.Rule {
	if info, err := os.Stat(p); err == nil && info.IsDir() {
		return dirs(p).IgnoreIfMissing()
	}
	return files(p).IgnoreIfMissing()
}

// filter refuses, with EPERM, what no engine needs. It allows what it does not name: llama.cpp's threads, and the drivers of
// GPUs, use more calls than anybody lists, and a call that is missing would end them only on some machines.
func filter() seccomp.Filter {
	refused := []string{
		"acct", "add_key", "bpf", "chroot", "delete_module", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module",
		"io_uring_enter", "io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr",
		"move_mount", "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root",
		"process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "setdomainname", "sethostname", "setns",
		"settimeofday", "swapoff", "swapon", "umount2", "unshare", "userfaultfd", "vhangup",
	}
	if runtime.GOARCH == "amd64" {
		refused = append(refused, "ioperm", "iopl")
	}
	return seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls: []seccomp.SyscallGroup{
				{Action: seccomp.ActionErrno | seccomp.Action(unix.EPERM), Names: refused},
				{Action: seccomp.ActionErrno | seccomp.Action(unix.EPERM), NamesWithCondtions: []seccomp.NameWithConditions{{
					// What is left is how a process tells systemd that it is ready.
					Name: "socket", Conditions: []seccomp.Condition{{Argument: 0, Operation: seccomp.NotEqual, Value: unix.AF_UNIX}},
				}}},
			},
		},
	}
}
