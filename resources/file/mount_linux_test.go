package file

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// inNamespace runs test on a thread with mounts of its own, which end with the thread.
func inNamespace(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	allowed := make(chan error, 1)
	go func() {
		defer close(allowed)
		runtime.LockOSThread() // and never unlocked: the thread ends with its mounts
		if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
			allowed <- err
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		test(t)
	}()
	if err := <-allowed; err != nil {
		t.Skip("needs the right to make a mount namespace: ", err)
	}
}

func bind(t *testing.T, from, to string, flags uintptr) {
	t.Helper()
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		t.Error(err)
	}
	if flags != 0 {
		if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
			t.Error(err)
		}
	}
}

// Check finds at plan time what a mount forbids.
func TestMounts(t *testing.T) {
	other := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(other, []byte("bound"), 0o644); err != nil {
		t.Fatal(err)
	}
	inNamespace(t, func(t *testing.T) {
		// Opened here: a root that is held open sees the mounts that were there.
		m := hosttest.New(t, hosttest.Config{Files: files{motd: {Content: "old"}, "/usr/f": {}}})
		bind(t, other, m.Path(motd), 0)
		bind(t, m.Path("/usr"), m.Path("/usr"), unix.MS_RDONLY)
		for _, c := range []struct {
			name string
			spec *Spec
			gone bool
			want string
		}{
			{"new content for a mounted file", &Spec{Path: motd, Content: text("new")}, false, "something is mounted there"},
			{"removing a mounted file", &Spec{Path: motd}, true, "something is mounted there"},
			{"another mode for a mounted file", &Spec{Path: motd, Mode: "0600"}, false, ""},
			{"a new file on a read-only file system", &Spec{Path: "/usr/a/b", Content: text("")}, false, "read-only file system"},
			{"another mode on a read-only file system", &Spec{Path: "/usr/f", Mode: "0600"}, false, "read-only file system"},
		} {
			have, err := resource{}.Read(t.Context(), m.View(), c.spec)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			want := c.spec
			if c.gone {
				want = nil
			}
			err = resource{}.Check(t.Context(), m.View(), have, want)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	})
}

// Immutable and append-only files and folders are found at plan time.
func TestFlags(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: files{motd: {Content: "old"}, "/srv/x": {}}})
	for _, c := range []struct {
		path, flagged string
		flag          int
		want          string
	}{
		{motd, motd, unix.STATX_ATTR_IMMUTABLE, "/etc/motd is immutable: chattr -i /etc/motd"},
		{motd, motd, unix.STATX_ATTR_APPEND, "/etc/motd is append-only: chattr -a"},
		{"/srv/new", "/srv", unix.STATX_ATTR_IMMUTABLE, "/srv is immutable"},
	} {
		setFlags(t, m.Path(c.flagged), c.flag)
		spec := &Spec{Path: c.path, Content: text("new")}
		have, err := resource{}.Read(t.Context(), m.View(), spec)
		if err == nil {
			err = resource{}.Check(t.Context(), m.View(), have, spec)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.path, err, c.want)
		}
		setFlags(t, m.Path(c.flagged), 0)
	}
}

// setFlags sets the attributes of chattr(1), whose numbers statx(2) shares.
func setFlags(t *testing.T, name string, flags int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags); err != nil {
		t.Skip("the file system of the test, or who runs it, cannot set attributes: ", err)
	}
}
