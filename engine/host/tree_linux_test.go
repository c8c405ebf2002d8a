package host_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestLinksStayInTheRoot(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/etc/passwd":      {Content: "inside"},
		"/etc/absolute":    {Link: "/etc/passwd"},
		"/etc/climbing":    {Link: "../../../../../../etc/passwd"},
		"/etc/dir":         {Link: "/etc"},
		"/up":              {Link: "../../.."},
		"/etc/loop":        {Link: "/etc/loop"},
		"/etc/dangling":    {Link: "/etc/nothing"},
		"/etc/out":         {Link: "/tmp"},
		"/etc/alternative": {Link: "/etc/absolute"},
	}})
	files := m.View().Files
	for name, want := range map[string]string{
		"/etc/passwd": "inside", "/etc/absolute": "inside", "/etc/climbing": "inside",
		"/etc/dir/passwd": "inside", "/up/etc/passwd": "inside", "/../../etc/passwd": "inside",
		"/etc/alternative": "inside", "/up/up/etc/dir/dir/absolute": "inside",
	} {
		if got, err := files.ReadFile(name); string(got) != want {
			t.Errorf("ReadFile(%s) = %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]error{
		"/etc/loop": syscall.ELOOP, "/etc/dangling": fs.ErrNotExist, "/etc/out/x": fs.ErrNotExist,
		"/etc/passwd/x": syscall.ENOTDIR, "etc/passwd": syscall.EINVAL, "/etc/\x00": syscall.EINVAL, "/etc": syscall.EISDIR,
	} {
		_, err := files.ReadFile(name)
		var at *fs.PathError
		if !errors.Is(err, want) || !errors.As(err, &at) || at.Path != name {
			t.Errorf("ReadFile(%s) is %v, want %v naming the path", name, err, want)
		}
	}
	// A write through a link of a folder lands inside too.
	check(t, m.Host().Files.Write("/up/etc/dir/new", []byte("x"), host.Attr{Mode: 0o644, UID: -1, GID: -1}))
	if got := m.Get("/etc/new"); got != "x" {
		t.Errorf("wrote %q", got)
	}
}

func TestResolve(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.MkdirAll(real+"/a/b", 0o755))
		check(t, os.Symlink(dir+"/a", real+"/abs"))
		check(t, os.Symlink("a/b", real+"/rel"))
		for name, want := range map[string]string{
			"/a/b": "/a/b", "/abs/b": "/a/b", "/rel/x": "/a/b/x", "/rel": "/rel",
			"/abs/b/new/deep": "/a/b/new/deep", "/new/x": "/new/x",
		} {
			if got, err := f.Resolve(dir + name); got != dir+want {
				t.Errorf("Resolve(%s) = %s, %v, want %s", name, got, err, want)
			}
		}
		if got, err := f.Resolve("/"); got != "/" || err != nil {
			t.Errorf("Resolve(/) = %q, %v", got, err)
		}
	})
}

func TestDescribe(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/file", []byte("12345"), 0o600))
		check(t, unix.Chmod(real+"/file", 0o4751))
		check(t, os.Link(real+"/file", real+"/hard"))
		check(t, os.Symlink("file", real+"/link"))
		check(t, unix.Mkfifo(real+"/fifo", 0o600))
		file, err := f.Stat(dir + "/link")
		check(t, err)
		if file.Kind != host.File || file.Mode != 0o4751 || file.Size != 5 || file.Links != 2 || file.UID != os.Geteuid() {
			t.Errorf("Stat(link) = %+v", file)
		}
		if hard, _ := f.Lstat(dir + "/hard"); hard.Ino != file.Ino || hard.Dev != file.Dev || !hard.ModTime.Equal(file.ModTime) {
			t.Errorf("Lstat(hard) = %+v", hard)
		}
		for name, want := range map[string]host.Kind{"/link": host.Symlink, "/fifo": host.Other, "": host.Dir, "/file": host.File} {
			if got, err := f.Lstat(dir + name); got.Kind != want {
				t.Errorf("Lstat(%s) = %v, %v", name, got.Kind, err)
			}
		}
		if target, err := f.Readlink(dir + "/link"); target != "file" {
			t.Errorf("Readlink = %q, %v", target, err)
		}
		if _, err := f.Readlink(dir + "/file"); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Readlink of a file: %v", err)
		}
		if names, err := f.ReadDir(dir); !slices.Equal(names, []string{"fifo", "file", "hard", "link"}) {
			t.Errorf("ReadDir = %v, %v", names, err)
		}
		all := []host.Entry{{Name: "fifo"}, {Name: "file", Kind: host.File}, {Name: "hard", Kind: host.File}, {Name: "link", Kind: host.Symlink, Target: "file"}}
		if got, err := f.Scan(dir); err != nil || !slices.Equal(got, all) {
			t.Errorf("Scan = %v, %v", got, err)
		}
		if _, err := f.Scan(dir + "/none"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir+"/none") {
			t.Errorf("Scan(none): %v", err)
		}
		if _, err := f.Stat(dir + "/none"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir+"/none") {
			t.Errorf("Stat(none): %v", err)
		}
		if mounted, err := f.IsMountPoint(dir + "/file"); mounted || err != nil {
			t.Errorf("IsMountPoint = %v, %v", mounted, err)
		}
	})
}

func TestFIFODoesNotBlock(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, unix.Mkfifo(real+"/fifo", 0o600))
		_, readErr := f.ReadFile(dir + "/fifo")
		_, openErr := f.Open(dir + "/fifo")
		_, appendErr := f.OpenAppend(dir+"/fifo", 0o600)
		attrErr := f.SetAttr(dir+"/fifo", host.Attr{Mode: 0o644, UID: -1, GID: -1})
		for _, err := range []error{readErr, openErr, appendErr, attrErr} {
			if err == nil {
				t.Error("a FIFO was taken for a file")
			}
		}
	})
}

func TestFilesOfTheKernelAreReadWhole(t *testing.T) {
	files := open(t, host.Options{}).Files
	b, err := files.ReadFile("/proc/self/mountinfo") // says its size is 0
	if err != nil || len(b) == 0 {
		t.Errorf("read %d bytes: %v", len(b), err)
	}
}

// TestLookUpWhileFilesAreRenamed provokes the EAGAIN with which the kernel answers a
// look-up of ".." while something is renamed.
func TestLookUpWhileFilesAreRenamed(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/a/b/c/file": {Content: "x"}, "/moving/1/x": {},
		"/link": {Link: "a/b/c/../c/../../b/c/file"},
	}})
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				os.Rename(m.Path("/moving/1"), m.Path("/moving/2"))
				os.Rename(m.Path("/moving/2"), m.Path("/moving/1"))
			}
		}
	})
	for range 5000 {
		if b, err := m.View().Files.ReadFile("/link"); string(b) != "x" {
			t.Errorf("read %q, %v", b, err)
			break
		}
	}
	close(stop)
	done.Wait()
}

func TestXattrsOfLinksAndFiles(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/file", nil, 0o644))
		check(t, os.Symlink("file", real+"/link"))
		long := strings.Repeat("long", 300) // longer than the first buffer
		for _, err := range []error{
			unix.Setxattr(real+"/file", "user.of", []byte("file"), 0),
			unix.Setxattr(real+"/file", "user.long", []byte(long), 0),
			unix.Lsetxattr(real+"/link", "trusted.of", []byte("link"), 0),
		} {
			if errors.Is(err, syscall.ENOTSUP) {
				t.Skip("needs a file system with extended attributes")
			}
			check(t, err)
		}
		file, err := f.Xattrs(dir + "/file")
		if string(file["user.of"]) != "file" || string(file["user.long"]) != long || err != nil {
			t.Errorf("of the file: %q, %v", file, err)
		}
		link, err := f.Xattrs(dir + "/link")
		if string(link["trusted.of"]) != "link" || link["user.of"] != nil || err != nil {
			t.Errorf("of the link: %q, %v", link, err)
		}
		if _, err := f.Xattrs(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of nothing: %v", err)
		}
	})
}

func TestRootThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	for root, want := range map[string]error{file: syscall.ENOTDIR, file + "2": fs.ErrNotExist} {
		if _, err := host.Open(host.Options{Root: root}); !errors.Is(err, want) {
			t.Errorf("Open(%s): %v", root, err)
		}
	}
}

func TestOpen(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/file", []byte("text"), 0o600))
		check(t, os.Symlink(dir+"/file", real+"/link"))
		file, err := f.Open(dir + "/link")
		check(t, err)
		defer file.Close()
		b, err := io.ReadAll(file)
		if string(b) != "text" || err != nil || file.Name() != dir+"/link" {
			t.Errorf("read %q from %s, %v", b, file.Name(), err)
		}
		if _, err := f.Open(dir); !errors.Is(err, syscall.EISDIR) {
			t.Errorf("a folder: %v", err)
		}
		if _, err := f.Open(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("nothing: %v", err)
		}
	})
}

func TestWritable(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.Mkdir(real+"/ro", 0o755))
			mount(t, "tmpfs", real+"/ro", "tmpfs", unix.MS_RDONLY, "")
			for name, want := range map[string]error{"/x": nil, "/none/deeper/x": nil, "/ro": nil, "/ro/x": syscall.EROFS, "/ro/none/x": syscall.EROFS} {
				if err := f.Writable(dir + name); !errors.Is(err, want) {
					t.Errorf("Writable(%s): %v, want %v", name, err, want)
				}
			}
		})
	})
}
