package host_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

const partialName = ".agent0-converge.partial.x"

func openPartial(t testing.TB, f *host.Files, dir string) *host.Partial {
	t.Helper()
	p, err := f.OpenPartial(dir, partialName)
	check(t, err)
	t.Cleanup(func() { check(t, p.Close()) })
	return p
}

// lockedFrom reports whether somebody else finds a partial file locked.
func lockedFrom(t testing.TB, f *host.Files, dir string) bool {
	t.Helper()
	p, err := f.OpenPartial(dir, partialName)
	var locked *host.LockedError
	if errors.As(err, &locked) {
		return true
	}
	check(t, err)
	check(t, p.Close())
	return false
}

func TestPartialIsWrittenAnywhereAndPublished(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/old", []byte("old"), 0o600))
		check(t, os.Chown(real+"/old", 7, 8))
		check(t, os.Mkdir(real+"/sub", 0o755))
		for _, to := range []string{"/new", "/old", "/sub/new"} {
			p := openPartial(t, f, dir)
			_, err := p.WriteAt([]byte("world"), 6)
			check(t, err)
			_, err = p.WriteAt([]byte("hello "), 0)
			check(t, err)
			check(t, p.Reserve(1<<20))
			check(t, p.Sync())
			if got := modeOwner(t, real+"/"+partialName); got != "0600 0:0" {
				t.Errorf("in the making it is %s", got)
			}
			if info, err := p.Info(); err != nil || info.Size != 11 || info.Ino == 0 || p.Path() != dir+"/"+partialName {
				t.Errorf("%s: %+v, %v", p.Path(), info, err)
			}
			buf := make([]byte, 6)
			if n, err := p.ReadAt(buf, 6); n != 5 || err != io.EOF {
				t.Errorf("read %d, %v", n, err)
			}
			check(t, p.Publish(dir+to, host.Attr{Mode: 0o640, UID: -1, GID: -1}, nil))
			b, err := os.ReadFile(real + to)
			want := map[bool]string{true: "0640 7:8", false: "0640 0:0"}[to == "/old"]
			if string(b) != "hello world" || err != nil || modeOwner(t, real+to) != want || leftovers(t, real) != nil {
				t.Errorf("%s: %q %s, %v, left %v", to, b, modeOwner(t, real+to), err, leftovers(t, real))
			}
			if _, err := p.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EPERM) {
				t.Errorf("written to after it was published: %v", err)
			}
			check(t, p.Close())
			check(t, p.Close())
		}
	})
}

// TestPartialOrderOfDurability shows that content is durable before before is called, owner and mode before the name.
func TestPartialOrderOfDurability(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/d": {Dir: true}, "/e": {Dir: true}}})
	f := m.Host().Files
	owned := host.Attr{Mode: 0o640, UID: 7, GID: 8, Xattrs: map[string][]byte{"user.k": []byte("v")}}
	p := openPartial(t, f, "/d")
	_, err := p.WriteAt([]byte("x"), 0)
	check(t, err)
	check(t, p.Reserve(4096))
	check(t, p.Sync())
	check(t, p.Truncate(1))
	check(t, p.Rename(".agent0-converge.other"))
	check(t, p.Publish("/e/m", owned, func(name string) error {
		if file, err := os.OpenFile(m.Path(name), os.O_RDONLY, 0); err != nil {
			return err
		} else {
			defer file.Close()
			// Like fs-verity, a lease is given only while nobody has the file open for writing.
			_, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
			return err
		}
	}))
	want := "open TEMP, fsyncdir d, write TEMP, fallocate TEMP, fdatasync TEMP, ftruncate TEMP, rename TEMP, fsyncdir d, " +
		"fsync TEMP, fchown TEMP, fsetxattr TEMP, fchmod TEMP, fsync TEMP, rename m, fsyncdir e, fsyncdir d"
	if got := trace(m.Ops()); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if m.Get("/e/m") != "x" {
		t.Errorf("published was %q", m.Get("/e/m"))
	}
	m.Reset()
	p = openPartial(t, f, "/d")
	check(t, p.Discard())
	if got, want := trace(m.Ops()), "open TEMP, fsyncdir d, unlink TEMP, fsyncdir d"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// TestEveryFaultOfAPartialIsSurvived fails each change with each error, and stops the machine there: doing it again
// arrives.
func TestEveryFaultOfAPartialIsSurvived(t *testing.T) {
	needRoot(t)
	machine := func() *hosttest.Machine {
		return hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/d/old": {Content: "old"}}})
	}
	all := host.Attr{Mode: 0o444, UID: -1, GID: -1, Xattrs: map[string][]byte{"user.k": []byte("v")}}
	do := func(f *host.Files) (err error) {
		p, err := f.OpenPartial("/d", partialName)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Close()) }()
		if _, err := p.WriteAt([]byte("new"), 0); err != nil {
			return err
		}
		if err := errors.Join(p.Reserve(10), p.Sync(), p.Truncate(3)); err != nil {
			return err
		}
		return p.Publish("/d/old", all, nil)
	}
	m := machine()
	check(t, do(m.Host().Files))
	after, count := m.Dump(), m.Changes()
	hit := 0
	for n := 1; n <= count; n++ {
		for _, fault := range []syscall.Errno{0, syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EINTR} {
			m := machine()
			if fault == 0 {
				m.StopAt(n)
			} else {
				m.FailAt(n, fault)
			}
			err := do(m.Host().Files)
			if !m.Fired() || (err == nil) != (fault == syscall.EINTR) {
				t.Errorf("%v at %d of %d: fired %v, %v", fault, n, count, m.Fired(), err)
			}
			hit++
			if got := m.Get("/d/old"); got != "old" && got != "new" {
				t.Errorf("%v at %d: %q", fault, n, got)
			}
			m.Reset()
			err = do(m.Host().Files)
			if diff := cmp.Diff(after, m.Dump()); diff != "" || err != nil {
				t.Errorf("again after %v at %d: %v\n%s", fault, n, err, diff)
			}
			check(t, m.Host().Close())
		}
	}
	t.Logf("%d changes, %d faults", count, hit)
	if hit != 6*count || count < 10 {
		t.Errorf("%d faults at %d changes", hit, count)
	}
}

func TestPartialIsLocked(t *testing.T) {
	dir := t.TempDir()
	f := open(t, host.Options{}).Files
	p := openPartial(t, f, dir)
	if !lockedFrom(t, f, dir) {
		t.Error("it could be opened twice")
	}
	check(t, p.Publish(dir+"/m", keep(0o600), func(string) error {
		if !lockedFrom(t, f, dir) {
			t.Error("it could be opened while it was published")
		}
		return nil
	}))
	check(t, p.Close())
	if lockedFrom(t, f, dir) {
		t.Error("the lock outlived it")
	}
}

func TestPartialIsLockedByAnotherProcess(t *testing.T) {
	if dir := os.Getenv("PARTIAL_DIR"); dir != "" { // the other process
		openPartial(t, open(t, host.Options{}).Files, dir)
		os.Stdout.WriteString("locked\n")
		io.Copy(io.Discard, os.Stdin)
		return
	}
	dir := t.TempDir()
	f := open(t, host.Options{}).Files
	other := exec.Command(os.Args[0], "-test.run", "^TestPartialIsLockedByAnotherProcess$")
	other.Env = append(os.Environ(), "PARTIAL_DIR="+dir)
	stdin, err := other.StdinPipe()
	check(t, err)
	stdout, err := other.StdoutPipe()
	check(t, err)
	check(t, other.Start())
	line := make([]byte, len("locked\n"))
	_, err = io.ReadFull(stdout, line)
	check(t, err)
	if string(line) != "locked\n" || !lockedFrom(t, f, dir) {
		t.Errorf("the other said %q, and it is not locked", line)
	}
	check(t, other.Process.Kill())
	other.Wait()
	stdin.Close()
	if lockedFrom(t, f, dir) {
		t.Error("the lock outlived its process")
	}
}

// Whoever opens it while another takes it away gets a file that has the name, or has to wait.
func TestPartialThatIsTakenAwayWhileItIsLocked(t *testing.T) {
	dir := t.TempDir()
	f := open(t, host.Options{}).Files
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				p, err := f.OpenPartial(dir, partialName)
				if _, locked := errors.AsType[*host.LockedError](err); locked {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				info, err := p.Info()
				here, lookErr := f.Lstat(p.Path())
				if err != nil || lookErr != nil || here.Ino != info.Ino {
					t.Errorf("the one that is locked is not the one that is there: %v, %v", err, lookErr)
				}
				if err := p.Discard(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// In a folder that belongs to somebody else nothing that is there is trusted.
func TestPartialInAFolderOfAnAttacker(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		name := real + "/" + partialName
		secret := real + "/secret"
		for what, trap := range map[string]func() error{
			"symlink":        func() error { return os.Symlink(secret, name) },
			"hard link":      func() error { return os.Link(secret, name) },
			"his file":       func() error { return errors.Join(os.WriteFile(name, []byte("bad"), 0o600), os.Chown(name, 1000, 1000)) },
			"our open file":  func() error { return errors.Join(os.WriteFile(name, []byte("bad"), 0o600), unix.Chmod(name, 0o622)) },
			"fifo":           func() error { return unix.Mkfifo(name, 0o600) },
			"folder":         func() error { return os.Mkdir(name, 0o700) },
			"dangling link":  func() error { return os.Symlink("nowhere", name) },
			"link to a fifo": func() error { return errors.Join(unix.Mkfifo(real+"/fifo", 0o600), os.Symlink("fifo", name)) },
		} {
			check(t, os.WriteFile(secret, []byte("secret"), 0o600))
			check(t, os.Chown(real, 1000, 1000))
			check(t, trap())
			p := openPartial(t, f, dir)
			if info, err := p.Info(); err != nil || info.Size != 0 || info.Links != 1 || modeOwner(t, name) != "0600 0:0" {
				t.Errorf("%s: %+v %s, %v", what, info, modeOwner(t, name), err)
			}
			_, err := p.WriteAt([]byte("model"), 0)
			check(t, err)
			if b, err := os.ReadFile(secret); string(b) != "secret" || err != nil {
				t.Errorf("%s: the secret is %q, %v", what, b, err)
			}
			check(t, p.Discard())
		}
		// What is his when it is to be published is not published.
		p := openPartial(t, f, dir)
		check(t, os.Rename(name, name+".x"))
		check(t, os.WriteFile(name, []byte("bad"), 0o600))
		if err := p.Publish(dir+"/m", keep(0o644), nil); err == nil || !strings.Contains(err.Error(), "replaced meanwhile") {
			t.Errorf("published another file: %v", err)
		}
		if _, err := os.Stat(real + "/m"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is there: %v", err)
		}
		// A folder that is not empty stays, and is told of.
		check(t, p.Close())
		check(t, os.Remove(name))
		check(t, os.MkdirAll(name+"/full", 0o755))
		if _, err := f.OpenPartial(dir, partialName); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("over a full folder: %v", err)
		}
	})
}

// A crash between the dressing and the rename loses nothing of a file that stays root's.
func TestPartialThatWasDressedAlready(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/"+partialName, []byte("whole"), 0o644))
		p := openPartial(t, f, dir)
		if info, err := p.Info(); err != nil || info.Size != 5 || modeOwner(t, real+"/"+partialName) != "0600 0:0" {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

func TestPartialNames(t *testing.T) {
	f := open(t, host.Options{}).Files
	for _, name := range []string{"", "a/b", "../a"} {
		if _, err := f.OpenPartial(t.TempDir(), name); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := f.OpenPartial("/none", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

// Many write and read at once, as segments do.
func TestPartialIsWrittenByMany(t *testing.T) {
	f := open(t, host.Options{}).Files
	p := openPartial(t, f, t.TempDir())
	var wg sync.WaitGroup
	const piece = 10_000
	for i := range 16 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(i)}, piece)
			for range 20 {
				if _, err := p.WriteAt(want, int64(i*piece)); err != nil {
					t.Error(err)
				}
				got := make([]byte, piece)
				if _, err := p.ReadAt(got, int64(i*piece)); err != nil || !bytes.Equal(got, want) {
					t.Error(err)
				}
				p.StartWriteback(int64(i*piece), piece)
				if err := p.Sync(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
