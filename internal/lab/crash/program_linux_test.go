package crash

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	files   = 12
	journal = "journal"
	flawEnv = "CRASH_FLAW"
)

// The programs that are traced: each replaces files 0 to 11, one with every call there is.
func TestMain(m *testing.M) {
	work := map[string]func(string) error{"replace": replaceAll, "every": everyCall, "map": mapFile}[os.Getenv("CRASH_PROGRAM")]
	if work == nil {
		os.Exit(m.Run())
	}
	if err := work(os.Getenv("CRASH_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func program(name, dir, flaw string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "CRASH_PROGRAM="+name, "CRASH_DIR="+dir, flawEnv+"="+flaw)
	cmd.Stderr = os.Stderr
	return cmd
}

func name(i int) string              { return fmt.Sprintf("file%02d", i) }
func content(v string, i int) string { return fmt.Sprintf("the %s content of %s\n", v, name(i)) }
func record(i int) string            { return fmt.Sprintf("begin %s\n", name(i)) }

// prepare makes the tree before: every file with its old content, an empty journal.
func prepare(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, name(i)), []byte(content("old", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, journal), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// replaceAll journals and then replaces each file, but for what the flaw leaves out.
func replaceAll(dir string) error {
	flaw := os.Getenv(flawEnv)
	for i := range files {
		if err := appendRecord(dir, record(i), flaw != "no journal sync"); err != nil {
			return err
		}
		if err := replace(dir, name(i), content("new", i), flaw); err != nil {
			return err
		}
	}
	return nil
}

func appendRecord(dir, line string, durable bool) error {
	f, err := os.OpenFile(filepath.Join(dir, journal), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(line); err != nil || !durable {
		return err
	}
	return unix.Fdatasync(int(f.Fd()))
}

func replace(dir, name, data, flaw string) error {
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return err
	}
	defer f.Close()
	half := len(data) / 2
	if _, err := f.WriteString(data[:half]); err != nil {
		return err
	}
	if _, err := f.WriteString(data[half:]); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if flaw != "no fsync" {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	if flaw == "no directory fsync" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// everyCall does all that the model knows.
func everyCall(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	unix.Umask(0o027)
	fd, err := unix.Open(name(0), unix.O_RDWR|unix.O_TRUNC, 0)
	if err != nil {
		return err
	}
	old, err := unix.Open(name(1), unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	calls := []func() error{
		func() error { return discard(unix.Write(fd, []byte("0123456789"))) },
		func() error { return discard(unix.Pwrite(fd, []byte("abc"), 20)) },
		func() error { return discard(unix.CopyFileRange(old, nil, fd, nil, 7, 0)) },
		func() error { return discard(unix.Sendfile(fd, old, nil, 5)) },
		func() error { return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2, 3) },
		func() error { return unix.Fallocate(fd, 0, 0, 50) },
		func() error { return unix.Ftruncate(fd, 45) },
		func() error { return unix.Truncate(name(2), 3) },
		func() error { return unix.Mkdir("d", 0o777) },
		func() error { return unix.Mkdir("d/e", 0o700) },
		func() error { return unix.Rename(name(3), "d/moved") },
		func() error { return unix.Rename(name(4), name(5)) },
		func() error { return unix.Rename("d/e", "e") },
		func() error { return unix.Renameat2(unix.AT_FDCWD, name(6), unix.AT_FDCWD, "d", unix.RENAME_EXCHANGE) },
		func() error { return unix.Link(name(7), "e/link") },
		func() error { return unix.Unlink(name(7)) },
		func() error { return unix.Symlink("/nowhere", "e/symlink") },
		func() error { return unix.Lchown("e/symlink", 1, 2) },
		func() error { return unix.Mknod("e/fifo", unix.S_IFIFO|0o666, 0) },
		func() error { return unix.Chmod("e", 0o2755) },
		func() error { return unix.Chown("e/link", 3, 4) },
		func() error { return unix.Fchmod(fd, 0o4755) },
		func() error { return unix.Fchown(fd, 5, 6) }, // takes the set-uid bit away
		func() error { return unix.Setxattr("e/link", "user.a", []byte("1"), 0) },
		func() error { return unix.Fsetxattr(fd, "user.b", []byte("2"), 0) },
		func() error { return unix.Fsetxattr(fd, "user.c", nil, 0) },
		func() error { return unix.Removexattr(name(0), "user.b") },
		func() error { return unix.Setxattr(name(0), "system.posix_acl_access", plainACL(), 0) },
		func() error { return unix.Mkdir("gone", 0o700) },
		func() error { return unix.Rmdir("gone") },
		func() error { return unnamed("e/tmpfile") },
		reuse,
	}
	for i, call := range calls {
		if err := call(); err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
	}
	return nil
}

// plainACL is an access list that says rw-r----x, as much as a mode can: cp and install set such.
func plainACL() []byte {
	b := []byte{2, 0, 0, 0}
	for _, e := range [][2]byte{{1, 6}, {4, 4}, {32, 1}} {
		b = append(b, e[0], 0, e[1], 0, 255, 255, 255, 255)
	}
	return b
}

func discard(_ int, err error) error { return err }

func unnamed(name string) error {
	fd, err := unix.Open(".", unix.O_TMPFILE|unix.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, []byte("without a name at first")); err != nil {
		return err
	}
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}

// reuse makes files one after the other, which ext4 gives the same inode number.
func reuse() error {
	for i := range 5 {
		if err := os.WriteFile("again", []byte(fmt.Sprint("number ", i)), 0o600); err != nil {
			return err
		}
		if err := os.Remove("again"); err != nil {
			return err
		}
	}
	return os.WriteFile("again", []byte("last"), 0o600)
}

// mapFile writes where no trace sees it.
func mapFile(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, name(0)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = unix.Mmap(int(f.Fd()), 0, 10, unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}
