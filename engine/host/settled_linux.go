package host

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// coarse is the clock by which the kernel stamps files. A change that comes after it was read is stamped with no
// earlier time.
func coarse() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return time.Now().Add(-10 * time.Millisecond) // the longest tick that kernels have
	}
	return time.Unix(ts.Unix())
}

// distant reports whether the times of a path are, or may be, of another machine's clock.
func (t Tree) distant(name string) (bool, error) {
	fd, err := t.path("look at", name, unix.O_NOFOLLOW)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	return distantFD(fd), nil
}

func distant(f *os.File) bool { return distantFD(int(f.Fd())) }

func distantFD(fd int) bool {
	st, err := statfs(fd)
	if err != nil {
		return true // the careful answer
	}
	switch uint32(st.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC,
		bcachefsMagic, zfsMagic, unix.RAMFS_MAGIC, unix.MSDOS_SUPER_MAGIC, exfatMagic:
		return false
	}
	return true
}
