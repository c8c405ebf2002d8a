package trace

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// step is exactly one point, with an effect that fingerprint shows unless silent.
type step struct {
	name   string
	silent bool
	do     func(*stepper) error
}

// stepper is what steps share.
type stepper struct {
	dir     string
	fd, fd2 int
}

func (s *stepper) path(name string) string { return filepath.Join(s.dir, name) }

func discard(_ int, err error) error { return err }

var stamp = []unix.Timespec{{Sec: 1e9}, {Sec: 1e9}}

func steps() []step {
	return append(append(contentSteps(), nameSteps()...), metaSteps()...)
}

func contentSteps() []step {
	return []step{
		{"openat", false, func(s *stepper) (err error) {
			s.fd, err = unix.Open(s.path("f"), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			return err
		}},
		{"write", false, func(s *stepper) error { return discard(unix.Write(s.fd, []byte("hello "))) }},
		{"pwrite64", false, func(s *stepper) error { return discard(unix.Pwrite(s.fd, []byte("world"), 6)) }},
		{"writev", false, func(s *stepper) error {
			return discard(unix.Writev(s.fd, [][]byte{[]byte("W"), []byte("ide")}))
		}},
		{"pwritev", false, func(s *stepper) error {
			return discard(unix.Pwritev(s.fd, [][]byte{[]byte("at "), []byte("20")}, 20))
		}},
		{"pwritev2", false, func(s *stepper) error {
			return discard(unix.Pwritev2(s.fd, [][]byte{[]byte("end")}, -1, unix.RWF_APPEND))
		}},
		{"fsync", true, func(s *stepper) error { return unix.Fsync(s.fd) }},
		{"openat", false, func(s *stepper) (err error) {
			s.fd2, err = unix.Open(s.path("g"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
			return err
		}},
		{"copy_file_range", false, func(s *stepper) error {
			var off int64
			return discard(unix.CopyFileRange(s.fd, &off, s.fd2, nil, 8, 0))
		}},
		{"sendfile", false, func(s *stepper) error {
			var off int64
			return discard(unix.Sendfile(s.fd2, s.fd, &off, 4))
		}},
		{"ftruncate", false, func(s *stepper) error { return unix.Ftruncate(s.fd2, 3) }},
		{"truncate", false, func(s *stepper) error { return unix.Truncate(s.path("g"), 5) }},
		{"fallocate", false, func(s *stepper) error { return unix.Fallocate(s.fd2, 0, 0, 100) }},
		{"fdatasync", true, func(s *stepper) error { return unix.Fdatasync(s.fd2) }},
		{"openat", false, func(s *stepper) error {
			return discard(unix.Open(s.path("g"), unix.O_TRUNC|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0))
		}},
	}
}

func nameSteps() []step {
	return []step{
		{"mkdirat", false, func(s *stepper) error { return unix.Mkdirat(unix.AT_FDCWD, s.path("d"), 0o755) }},
		{"renameat", false, func(s *stepper) error { return unix.Rename(s.path("f"), s.path("d/f")) }},
		{"renameat2", false, func(s *stepper) error {
			return unix.Renameat2(unix.AT_FDCWD, s.path("g"), unix.AT_FDCWD, s.path("d/f"), unix.RENAME_EXCHANGE)
		}},
		{"linkat", false, func(s *stepper) error { return unix.Link(s.path("g"), s.path("h")) }},
		{"symlinkat", false, func(s *stepper) error { return unix.Symlink("d/f", s.path("l")) }},
		{"mknodat", false, func(s *stepper) error { return unix.Mknod(s.path("p"), unix.S_IFIFO|0o600, 0) }},
		{"unlinkat", false, func(s *stepper) error { return unix.Unlink(s.path("p")) }},
		{"mkdirat", false, func(s *stepper) error { return unix.Mkdir(s.path("e"), 0o700) }},
		{"unlinkat", false, func(s *stepper) error { return unix.Rmdir(s.path("e")) }},
		{"syncfs", true, func(s *stepper) error { return unix.Syncfs(s.fd) }},
	}
}

func metaSteps() []step {
	return []step{
		{"fchmod", false, func(s *stepper) error { return unix.Fchmod(s.fd, 0o640) }},
		{"fchmodat", false, func(s *stepper) error { return unix.Chmod(s.path("g"), 0o604) }},
		{"fchown", false, func(s *stepper) error { return unix.Fchown(s.fd, os.Getuid(), os.Getgid()) }},
		{"fchownat", false, func(s *stepper) error {
			return unix.Fchownat(unix.AT_FDCWD, s.path("l"), os.Getuid(), os.Getgid(), unix.AT_SYMLINK_NOFOLLOW)
		}},
		{"setxattr", false, func(s *stepper) error { return unix.Setxattr(s.path("l"), "user.a", []byte("1"), 0) }},
		{"fsetxattr", false, func(s *stepper) error { return unix.Fsetxattr(s.fd, "user.b", []byte("2"), 0) }},
		{"removexattr", false, func(s *stepper) error { return unix.Removexattr(s.path("d/f"), "user.a") }},
		{"fremovexattr", false, func(s *stepper) error { return unix.Fremovexattr(s.fd, "user.b") }},
		{"utimensat", false, func(s *stepper) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, s.path("h"), stamp, unix.AT_SYMLINK_NOFOLLOW)
		}},
		{"sync_file_range", true, func(s *stepper) error { return unix.SyncFileRange(s.fd, 0, 0, 0) }},
	}
}

// fingerprint is all that a step can change, as text.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%s %o links=%d", strings.TrimPrefix(path, dir), st.Mode, st.Nlink)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			line += fmt.Sprintf(" stamped=%v", st.Mtim.Sec == stamp[1].Sec)
		}
		names := make([]byte, 256)
		if n, err := unix.Llistxattr(path, names); err == nil {
			line += fmt.Sprintf(" attrs=%q", names[:n])
		}
		if st.Mode&unix.S_IFMT == unix.S_IFREG {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", b)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
