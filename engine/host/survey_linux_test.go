package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// surveyed is what Survey has to say of a path, asked one by one.
func surveyed(t *testing.T, f *host.Files, name string) host.Survey {
	t.Helper()
	var s host.Survey
	var errs [5]error
	s.Real, errs[0] = f.Resolve(name)
	s.ReadOnly, errs[1] = f.ReadOnly(name)
	s.Flags, errs[2] = f.Flags(name)
	s.Folder, errs[3] = f.Flags(path.Dir(name))
	s.Mounted, errs[4] = f.IsMountPoint(name)
	for _, err := range errs {
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			t.Fatal(err)
		}
	}
	return s
}

func TestSurvey(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			for _, name := range []string{"/ro", "/d", "/d/e"} {
				check(t, os.Mkdir(real+name, 0o755))
			}
			mount(t, "tmpfs", real+"/ro", "tmpfs", 0, "")
			for _, name := range []string{"/file", "/bound", "/fixed", "/ro/file"} {
				check(t, os.WriteFile(real+name, []byte("x"), 0o644))
			}
			check(t, os.Symlink("d", real+"/link"))
			check(t, os.Symlink("/nowhere", real+"/d/dangling"))
			mount(t, real+"/file", real+"/bound", "", unix.MS_BIND, "")
			check(t, unix.Mount("", real+"/ro", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
			setFlags(t, real+"/fixed", unix.STATX_ATTR_IMMUTABLE)
			setFlags(t, real+"/d/e", unix.STATX_ATTR_APPEND)
			before, seen := openFDs(t), host.Survey{}
			for _, name := range []string{
				"/file", "/bound", "/fixed", "/none", "/ro", "/ro/file", "/ro/none", "/link", "/link/e", "/link/e/none",
				"/d/dangling", "/d/dangling/x", "/none/none", "/file/none", "/file/none/none",
			} {
				got, err := f.Survey(path.Join(dir, name))
				if want := surveyed(t, f, path.Join(dir, name)); err != nil || got != want {
					t.Errorf("%s is %+v, not %+v (%v)", name, got, want, err)
				}
				seen.ReadOnly, seen.Mounted = seen.ReadOnly || got.ReadOnly, seen.Mounted || got.Mounted
				seen.Flags, seen.Folder = seen.Flags|got.Flags, seen.Folder|got.Folder
			}
			if got, err := f.Survey("/"); err != nil || got.Real != "/" {
				t.Errorf("/ is %+v (%v)", got, err)
			}
			if !seen.ReadOnly || !seen.Mounted || seen.Flags != host.Immutable|host.AppendOnly || seen.Folder != host.AppendOnly {
				t.Errorf("of all that there is, this was seen: %+v", seen)
			}
			if after := openFDs(t); after != before {
				t.Errorf("%d files are open, not %d", after, before)
			}
		})
	})
}

func TestReadWhole(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/file", []byte("content"), 0o640))
		check(t, os.WriteFile(real+"/empty", nil, 0o644))
		check(t, os.Symlink("file", real+"/link"))
		check(t, os.Mkdir(real+"/sub", 0o755))
		check(t, unix.Mkfifo(real+"/pipe", 0o644))
		if err := unix.Setxattr(real+"/file", "user.note", []byte("kept"), 0); err != nil {
			t.Skipf("needs a file system with extended attributes: %v", err)
		}
		before := openFDs(t)
		for name, want := range map[string]string{"/file": "content", "/empty": "", "/link": "", "/sub": "", "/pipe": ""} {
			w, err := f.ReadWhole(dir+name, 7)
			info, statErr := f.Lstat(dir + name)
			if err != nil || statErr != nil || string(w.Content) != want || w.Info != info {
				t.Errorf("%s holds %q and is %+v, not %+v (%v, %v)", name, w.Content, w.Info, info, err, statErr)
			}
			if note := string(w.Xattrs["user.note"]); (note == "kept") != (name == "/file") {
				t.Errorf("the note on %s is %q", name, note)
			}
		}
		if w, err := f.ReadWhole(dir+"/file", 6); err != nil || w.Content != nil || w.Xattrs != nil || w.Size != 7 {
			t.Errorf("one that is too large is %+v (%v)", w, err)
		}
		for name, want := range map[string]error{"/none": fs.ErrNotExist, "/file/x": syscall.ENOTDIR} {
			if _, err := f.ReadWhole(dir+name, 7); !errors.Is(err, want) || !strings.Contains(err.Error(), dir+name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := openFDs(t); after != before {
			t.Errorf("%d files are open, not %d", after, before)
		}
	})
}
