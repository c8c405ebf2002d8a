package trace

import "golang.org/x/sys/unix"

// Class is one system call that can be a point, and how to tell.
type Class struct {
	// Name and Nr are the call's.
	Name string
	Nr   uint64

	decode decoder
}

// Classes are the calls that this package knows to change files.
func Classes() []Class {
	classes := append(nameClasses(), contentClasses()...)
	return append(append(classes, metaClasses()...), legacyClasses()...)
}

func nameClasses() []Class {
	return []Class{
		{"openat", unix.SYS_OPENAT, opens(0, 1, 2)},
		{"openat2", unix.SYS_OPENAT2, openat2},
		{"renameat", unix.SYS_RENAMEAT, onPair(OpRename, 0, 1, 2, 3)},
		{"renameat2", unix.SYS_RENAMEAT2, renameat2},
		{"linkat", unix.SYS_LINKAT, linkat},
		{"symlinkat", unix.SYS_SYMLINKAT, symlinks(0, 1, 2)},
		{"unlinkat", unix.SYS_UNLINKAT, unlinkat},
		{"mkdirat", unix.SYS_MKDIRAT, onPath(OpMkdir, 0, 1, false)},
		{"mknodat", unix.SYS_MKNODAT, onPath(OpMknod, 0, 1, false)},
		{"fsync", unix.SYS_FSYNC, onFile(OpFsync, 0)},
		{"fdatasync", unix.SYS_FDATASYNC, onFile(OpFdatasync, 0)},
		{"sync_file_range", unix.SYS_SYNC_FILE_RANGE, onFile(OpSyncRange, 0)},
		{"syncfs", unix.SYS_SYNCFS, syncfs},
		{"sync", unix.SYS_SYNC, wholeSync},
	}
}

func contentClasses() []Class {
	return []Class{
		{"write", unix.SYS_WRITE, writes(here)},
		{"pwrite64", unix.SYS_PWRITE64, writes(3)},
		{"writev", unix.SYS_WRITEV, writesVector(here, here)},
		{"pwritev", unix.SYS_PWRITEV, writesVector(3, here)},
		{"pwritev2", unix.SYS_PWRITEV2, writesVector(3, 5)},
		{"copy_file_range", unix.SYS_COPY_FILE_RANGE, copies(2, 3)},
		{"sendfile", unix.SYS_SENDFILE, copies(0, here)},
		{"splice", unix.SYS_SPLICE, copies(2, 3)},
		{"ioctl", unix.SYS_IOCTL, ioctl},
		{"truncate", unix.SYS_TRUNCATE, truncate},
		{"ftruncate", unix.SYS_FTRUNCATE, ftruncate},
		{"fallocate", unix.SYS_FALLOCATE, fallocate},
		{"mmap", unix.SYS_MMAP, mapping},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, ring},
	}
}

func metaClasses() []Class {
	const set, remove = OpSetxattr, OpRemovexattr
	return []Class{
		{"fchmod", unix.SYS_FCHMOD, onFile(OpChmod, 0)},
		{"fchmodat", unix.SYS_FCHMODAT, onPath(OpChmod, 0, 1, true)},
		{"fchmodat2", unix.SYS_FCHMODAT2, onPathAt(OpChmod, 0, 1, 3)},
		{"fchown", unix.SYS_FCHOWN, onFile(OpChown, 0)},
		{"fchownat", unix.SYS_FCHOWNAT, onPathAt(OpChown, 0, 1, 4)},
		{"setxattr", unix.SYS_SETXATTR, attrs(onPath(set, cwd, 0, true), 1, 2, 3)},
		{"lsetxattr", unix.SYS_LSETXATTR, attrs(onPath(set, cwd, 0, false), 1, 2, 3)},
		{"fsetxattr", unix.SYS_FSETXATTR, attrs(onFile(set, 0), 1, 2, 3)},
		{"setxattrat", unix.SYS_SETXATTRAT, setxattrat},
		{"removexattr", unix.SYS_REMOVEXATTR, attrs(onPath(remove, cwd, 0, true), 1, 0, 0)},
		{"lremovexattr", unix.SYS_LREMOVEXATTR, attrs(onPath(remove, cwd, 0, false), 1, 0, 0)},
		{"fremovexattr", unix.SYS_FREMOVEXATTR, attrs(onFile(remove, 0), 1, 0, 0)},
		{"removexattrat", unix.SYS_REMOVEXATTRAT, attrs(onPathAt(remove, 0, 1, 2), 3, 0, 0)},
		{"utimensat", unix.SYS_UTIMENSAT, onPathAt(OpTimes, 0, 1, 3)},
	}
}

// others names calls that are no points by themselves but that Options.Extra may want.
func others() map[uint64]string {
	return map[uint64]string{
		unix.SYS_SENDTO: "sendto", unix.SYS_SENDMSG: "sendmsg", unix.SYS_SENDMMSG: "sendmmsg",
		unix.SYS_CONNECT: "connect", unix.SYS_MOUNT: "mount", unix.SYS_UMOUNT2: "umount2",
		unix.SYS_SWAPON: "swapon", unix.SYS_SWAPOFF: "swapoff", unix.SYS_SETHOSTNAME: "sethostname",
		unix.SYS_EXECVE: "execve", unix.SYS_KILL: "kill", unix.SYS_FLOCK: "flock",
	}
}
