package host

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"math/bits"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Numbers of file systems that x/sys does not name.
const (
	bcachefsMagic = 0xca451a4e
	exfatMagic    = 0x2011bab0
	ntfs3Magic    = 0x7366746e
	zfsMagic      = 0x2fc12fc1
)

// Space tells the room of the file system that a path is on or, where it is not there yet, would be on: that of the
// nearest folder. That is the path itself if it is a folder or a link to one.
func (t Tree) Space(name string) (Space, error) {
	p, err := clean(name)
	if err != nil {
		return Space{}, err
	}
	for ; ; p = path.Dir(p) {
		fd, err := t.r.open(p, unix.O_PATH|unix.O_DIRECTORY)
		if p != "/" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
			continue
		}
		if err != nil {
			return Space{}, named("look for room at", name, err)
		}
		s, err := spaceOf(fd)
		unix.Close(fd)
		s.Dir = p
		return s, named("look for room at", name, err)
	}
}

func spaceOf(fd int) (Space, error) {
	st, err := statfs(fd)
	if err != nil {
		return Space{}, err
	}
	info, err := fdInfo(fd)
	if err != nil {
		return Space{}, err
	}
	unit := uint64(st.Frsize)
	if unit == 0 { // of kernels before 2.6, and of some file systems in user space
		unit = uint64(st.Bsize)
	}
	s := Space{Free: product(st.Bavail, unit), Total: product(st.Blocks, unit), Dev: info.Dev, Type: fsName(uint32(st.Type))}
	if s.Total == 0 {
		s.Free = math.MaxInt64
	}
	if st.Type == unix.BTRFS_SUPER_MAGIC {
		s.Dev = wholeDev(fd, s.Dev)
	}
	return s, nil
}

func statfs(fd int) (st unix.Statfs_t, err error) {
	_, err = retry(func() (int, error) { return 0, unix.Fstatfs(fd, &st) })
	return st, err
}

// product is a number of bytes, or as many as can be told.
func product(n, unit uint64) int64 {
	hi, lo := bits.Mul64(n, unit)
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}

// wholeDev is the number that all subvolumes of a btrfs have in common, though each has one of its own for stat: that
// of its mount (proc_pid_mountinfo(5)). Where it cannot be told it is own.
func wholeDev(fd int, own uint64) uint64 {
	about, err := running().ReadFile("/proc/thread-self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return own
	}
	_, rest, _ := bytes.Cut(about, []byte("mnt_id:"))
	id, _, _ := strings.Cut(strings.TrimSpace(string(rest)), "\n")
	table, err := running().ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return own
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != id {
			continue
		}
		major, minor, _ := strings.Cut(f[2], ":")
		a, errA := strconv.ParseUint(major, 10, 32)
		b, errB := strconv.ParseUint(minor, 10, 32)
		if errA == nil && errB == nil {
			return unix.Mkdev(uint32(a), uint32(b))
		}
	}
	return own
}

// fsName names a file system by its number.
func fsName(magic uint32) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC:
		return "cifs"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	case unix.V9FS_MAGIC:
		return "9p"
	case unix.CEPH_SUPER_MAGIC:
		return "ceph"
	case unix.MSDOS_SUPER_MAGIC:
		return "vfat"
	}
	return otherName(magic)
}

func otherName(magic uint32) string {
	switch magic {
	case unix.RAMFS_MAGIC:
		return "ramfs"
	case unix.SQUASHFS_MAGIC:
		return "squashfs"
	case unix.EROFS_SUPER_MAGIC_V1:
		return "erofs"
	case bcachefsMagic:
		return "bcachefs"
	case exfatMagic:
		return "exfat"
	case ntfs3Magic:
		return "ntfs3"
	case zfsMagic:
		return "zfs"
	}
	return "0x" + strconv.FormatUint(uint64(magic), 16)
}
