package trace

import "golang.org/x/sys/unix"

const nativeArch = unix.AUDIT_ARCH_X86_64

// legacyClasses are the calls without a dirfd, which only old architectures have.
func legacyClasses() []Class {
	return []Class{
		{"open", unix.SYS_OPEN, opens(cwd, 0, 1)},
		{"creat", unix.SYS_CREAT, creat},
		{"rename", unix.SYS_RENAME, onPair(OpRename, cwd, 0, cwd, 1)},
		{"link", unix.SYS_LINK, onPair(OpLink, cwd, 0, cwd, 1)},
		{"symlink", unix.SYS_SYMLINK, symlinks(0, cwd, 1)},
		{"unlink", unix.SYS_UNLINK, onPath(OpUnlink, cwd, 0, false)},
		{"rmdir", unix.SYS_RMDIR, onPath(OpRmdir, cwd, 0, false)},
		{"mkdir", unix.SYS_MKDIR, onPath(OpMkdir, cwd, 0, false)},
		{"mknod", unix.SYS_MKNOD, onPath(OpMknod, cwd, 0, false)},
		{"chmod", unix.SYS_CHMOD, onPath(OpChmod, cwd, 0, true)},
		{"chown", unix.SYS_CHOWN, onPath(OpChown, cwd, 0, true)},
		{"lchown", unix.SYS_LCHOWN, onPath(OpChown, cwd, 0, false)},
		{"utime", unix.SYS_UTIME, onPath(OpTimes, cwd, 0, true)},
		{"utimes", unix.SYS_UTIMES, onPath(OpTimes, cwd, 0, true)},
		{"futimesat", unix.SYS_FUTIMESAT, onPath(OpTimes, 0, 1, true)},
	}
}

func creat(c *call) bool {
	return c.open(cwd, 0, unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC, 0)
}
