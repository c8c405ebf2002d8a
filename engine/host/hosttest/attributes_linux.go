package hosttest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dress gives a path what f says, in the order in which none undoes another.
func dress(full string, f File, mode fs.FileMode) error {
	if os.Geteuid() == 0 {
		if err := os.Lchown(full, f.UID, f.GID); err != nil {
			return err
		}
	}
	for key, value := range f.Xattrs {
		if err := unix.Lsetxattr(full, key, []byte(value), 0); err != nil {
			return err
		}
	}
	if f.Link != "" {
		return nil
	}
	return unix.Chmod(full, uint32(mode))
}

// attributes describes mode, owner and the extended attributes that tests set.
func attributes(full string, info fs.FileInfo) (string, error) {
	st := info.Sys().(*syscall.Stat_t)
	text := fmt.Sprintf(" %04o %d:%d", st.Mode&0o7777, st.Uid, st.Gid)
	if info.Mode()&fs.ModeSymlink != 0 {
		text = fmt.Sprintf(" %d:%d", st.Uid, st.Gid)
	}
	list := make([]byte, 64<<10)
	n, err := unix.Llistxattr(full, list)
	if err != nil && err != unix.ENOTSUP {
		return "", err
	}
	var xattrs []string
	for key := range bytes.SplitSeq(list[:max(n, 0)], []byte{0}) {
		if name := string(key); strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "system.posix_acl_") {
			value := make([]byte, 64<<10)
			n, err := unix.Lgetxattr(full, name, value)
			if err != nil {
				return "", err
			}
			xattrs = append(xattrs, fmt.Sprintf(" %s=%q", name, value[:n]))
		}
	}
	slices.Sort(xattrs)
	return text + strings.Join(xattrs, ""), nil
}
