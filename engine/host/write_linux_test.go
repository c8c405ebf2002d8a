package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func keep(mode fs.FileMode) host.Attr { return host.Attr{Mode: mode, UID: -1, GID: -1} }

// TestOrderOfDurability shows that data is durable before it has a name, and the name
// before the method returns.
func TestOrderOfDurability(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/d/old": {Content: "old"}, "/d/attr": {}, "/d/gone": {}, "/d/dir": {Dir: true},
	}})
	f := m.Host().Files
	owned := host.Attr{Mode: 0o640, UID: 7, GID: 8, Xattrs: map[string][]byte{"user.k": []byte("v")}}
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"write", func() error { return f.Write("/d/old", []byte("new"), owned) },
			"open TEMP, write TEMP, fchown TEMP, fsetxattr TEMP, fchmod TEMP, fsync TEMP, rename old, fsyncdir d"},
		{"write empty", func() error { return f.Write("/d/new", nil, keep(0o600)) },
			"open TEMP, fsync TEMP, rename new, fsyncdir d"},
		{"mkdir", func() error { return f.Mkdir("/d/sub", host.Attr{Mode: 0o750, UID: 7, GID: -1}) },
			"mkdir TEMP, fchown TEMP, fchmod TEMP, fsync TEMP, rename sub, fsyncdir d"},
		{"symlink", func() error { return f.Symlink("old", "/d/link", host.Attr{UID: 7, GID: 8}) },
			"symlink TEMP, lchown TEMP, rename link, fsyncdir d"},
		{"remove", func() error { return f.Remove("/d/gone") }, "unlink gone, fsyncdir d"},
		{"remove folder", func() error { return f.Remove("/d/dir") }, "rmdir dir, fsyncdir d"},
		{"set attributes", func() error { return f.SetAttr("/d/attr", owned) },
			"fchown attr, fsetxattr attr, fchmod attr, fsync attr"},
		{"append", func() error {
			a, err := f.OpenAppend("/d/log", 0o600)
			if err != nil {
				return err
			}
			defer a.Close()
			_, err = a.Write([]byte("line"))
			return errors.Join(err, a.Sync(), a.Truncate(2))
		}, "open log, fsyncdir d, write log, fsync log, ftruncate log"},
	} {
		m.Reset()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := trace(m.Ops()); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if got := m.Get("/d/log"); got != "li" {
		t.Errorf("the log is %q", got)
	}
}

func TestModeAndOwnerAreExact(t *testing.T) {
	needRoot(t)
	defer unix.Umask(unix.Umask(0o077))
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		for i, c := range []struct {
			before, want string
			attr         host.Attr
		}{
			{"", "4755 1:2", host.Attr{Mode: 0o4755, UID: 1, GID: 2}},
			{"", "2666 0:0", keep(0o2666)},
			{"", "0000 0:5", host.Attr{UID: -1, GID: 5}},
			{"4711 3:4", "4711 3:4", keep(0o4711)},
			{"0600 3:4", "0777 9:4", host.Attr{Mode: 0o777, UID: 9, GID: -1}},
		} {
			for _, way := range []string{"Write", "SetAttr", "Mkdir"} {
				name := fmt.Sprintf("/%s%d", way, i)
				if way != "Mkdir" && (c.before != "" || way == "SetAttr") {
					makeFile(t, real+name, c.before)
				}
				attr, want := c.attr, c.want
				var err error
				switch way {
				case "Write":
					err = f.Write(dir+name, []byte("x"), attr)
				case "SetAttr":
					err = f.SetAttr(dir+name, attr)
				case "Mkdir":
					if c.before != "" {
						continue // a new folder has nothing to keep
					}
					err = f.Mkdir(dir+name, attr)
				}
				if got := modeOwner(t, real+name); got != want || err != nil {
					t.Errorf("%s %+v on %q: %s, %v, want %s", way, attr, c.before, got, err, want)
				}
			}
		}
	})
}

// makeFile makes a file as modeOwner describes it.
func makeFile(t *testing.T, name, is string) {
	t.Helper()
	check(t, os.WriteFile(name, []byte("old"), 0o600))
	if is == "" {
		return
	}
	var mode uint32
	var uid, gid int
	_, err := fmt.Sscanf(is, "%o %d:%d", &mode, &uid, &gid)
	check(t, err)
	check(t, os.Chown(name, uid, gid))
	check(t, unix.Chmod(name, mode))
}

func TestWhatIsReplaced(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/target": {Content: "target"}, "/link": {Link: "target"}, "/dir": {Dir: true}, "/dir/in": {},
		"/file": {Content: "file"},
	}})
	f := m.Host().Files
	check(t, f.Write("/link", []byte("mine"), keep(0o600)))
	if m.Get("/target") != "target" || m.Get("/link") != "mine" {
		t.Errorf("after a write to a link:\n%s", m.Dump())
	}
	check(t, f.Symlink("/dir", "/file", host.Attr{UID: -1, GID: -1}))
	check(t, f.Symlink("/target", "/file", host.Attr{UID: -1, GID: -1}))
	if target, err := os.Readlink(m.Path("/file")); target != "/target" {
		t.Errorf("the link points to %q, %v", target, err)
	}
	for what, c := range map[string][2]error{
		"write a folder":     {f.Write("/dir", nil, keep(0o600)), syscall.EISDIR},
		"link over folder":   {f.Symlink("x", "/dir", host.Attr{}), syscall.EISDIR},
		"make it twice":      {f.Mkdir("/dir", keep(0o755)), fs.ErrExist},
		"folder for file":    {f.Mkdir("/target", keep(0o755)), fs.ErrExist},
		"no folder":          {f.Write("/none/x", nil, keep(0o600)), fs.ErrNotExist},
		"remove full":        {f.Remove("/dir"), syscall.ENOTEMPTY},
		"remove the root":    {f.Remove("/"), syscall.EBUSY},
		"relative":           {f.Write("x", nil, keep(0o600)), syscall.EINVAL},
		"below a file":       {f.MkdirAll("/target/x", 0o755), syscall.ENOTDIR},
		"attributes of none": {f.SetAttr("/none", keep(0o600)), fs.ErrNotExist},
	} {
		if !errors.Is(c[0], c[1]) {
			t.Errorf("%s: %v, want %v", what, c[0], c[1])
		}
	}
	check(t, f.Remove("/none"))
	check(t, f.Remove("/none/deeper"))
	check(t, f.Clean("/none/deeper"))
	if got := leftovers(t, m.Path("/")); got != nil {
		t.Errorf("left: %v", got)
	}
}

func TestWriteFromReader(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{})
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	check(t, m.Host().Files.WriteFrom("/big", iotest.OneByteReader(bytes.NewReader(big[:1000])), keep(0o644)))
	check(t, m.Host().Files.WriteFrom("/big2", iotest.HalfReader(bytes.NewReader(big)), keep(0o644)))
	if m.Get("/big") != string(big[:1000]) || m.Get("/big2") != string(big) {
		t.Error("the content is another")
	}
	broken := errors.New("broken")
	err := m.Host().Files.WriteFrom("/big", iotest.ErrReader(broken), keep(0o644))
	if !errors.Is(err, broken) || m.Get("/big") != string(big[:1000]) || leftovers(t, m.Path("/")) != nil {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestMkdirAll(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/var": {Dir: true}, "/link": {Link: "/var"}}})
	for range 2 {
		check(t, m.Host().Files.MkdirAll("/link/lib/agent/state", 0o700))
	}
	if got := modeOwner(t, m.Path("/var/lib/agent/state")); !strings.HasPrefix(got, "0700") {
		t.Errorf("made with %s", got)
	}
	check(t, m.Host().Files.MkdirAll("/", 0o700))
}

func TestCleanRemovesEveryLeftover(t *testing.T) {
	for kind, leave := range map[string]hosttest.File{
		"file": {Content: "half"}, "folder": {Dir: true}, "link": {Link: "/x"},
	} {
		m := hosttest.New(t, hosttest.Config{})
		temp := "/" + host.TempName("x")
		f := m.Host().Files
		for what, do := range map[string]func() error{
			"Clean":   func() error { return f.Clean("/x") },
			"Remove":  func() error { return f.Remove("/x") },
			"Write":   func() error { return f.Write("/x", []byte("whole"), keep(0o644)) },
			"Symlink": func() error { return f.Symlink("x", "/x", host.Attr{UID: -1, GID: -1}) },
		} {
			m.Put(temp, leave)
			if err := do(); err != nil || leftovers(t, m.Path("/")) != nil {
				t.Errorf("%s of a %s: %v, left %v", what, kind, err, leftovers(t, m.Path("/")))
			}
		}
	}
}
