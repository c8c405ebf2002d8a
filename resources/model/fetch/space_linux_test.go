package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// onDisk runs a test with a disk of so many bytes for models, in a mount namespace of its own.
func onDisk(t *testing.T, size string, test func(t *testing.T, m *machine)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Run("disk", func(t *testing.T) {
		root := t.TempDir()
		runtime.LockOSThread() // and never unlocked: the thread ends with the test
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Skipf("needs a mount namespace: %v", err)
		}
		check(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		m := openMachine(t, root)
		dir := filepath.Join(root, "models")
		check(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
		// What other threads see is the folder below. So the host is opened through this thread's eyes.
		h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}, Watch: m.watch})
		check(t, err)
		t.Cleanup(func() { check(t, h.Close()) })
		m.host = h
		test(t, m)
	})
}

func TestFullDisk(t *testing.T) {
	content := random(1, 20*testSegment)
	onDisk(t, "1m", func(t *testing.T, m *machine) {
		s := serve("a", content)
		_, err := m.small().Fetch(context.Background(), wanted(content, s))
		var full *host.NoSpaceError
		if !errors.As(err, &full) || full.Need != int64(len(content)) || full.Free != 1<<20 || s.requests() != 0 {
			t.Errorf("got %v after %d requests", err, s.requests())
		}
		// Where nobody knows how long it is the disk fills up. What came stays for the next run.
		other := random(2, 20*testSegment)
		s = serve("b", other)
		s.noSize, s.noRanges = true, true
		w := wanted(other, s)
		w.Size = 0
		_, err = m.small().Fetch(context.Background(), w)
		if !errors.As(err, &full) {
			t.Errorf("got %v", err)
		}
		state, err := Status(m.host.Files.Tree, w)
		check(t, err)
		if state.Have < 1<<20-testBlock {
			t.Errorf("%d bytes are kept", state.Have)
		}
	})
}

// A wrong file that was kept makes room for the right one.
func TestKeptWrongFileMakesRoom(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, size := range []int64{int64(len(content)), 0} {
		onDisk(t, "2m", func(t *testing.T, m *machine) {
			a, b := serve("a", spoilt(content, 100)), serve("b", content)
			if size == 0 {
				a.noSize, b.noSize, a.noRanges, b.noRanges = true, true, true, true
			}
			w := wanted(content, a)
			w.Size = size
			var wrong *WrongDigestError
			if _, err := m.small().Fetch(context.Background(), w); !errors.As(err, &wrong) || wrong.Kept == "" || len(m.wrongs()) != 1 {
				t.Fatalf("got %v, kept %q", err, m.wrongs())
			}
			w.Sources = []Source{b}
			_, file := m.published(m.small(), w)
			same(t, file, content)
			if m.wrongs() != nil {
				t.Errorf("kept %q", m.wrongs())
			}
		})
	}
}

// On another disk than where it was begun, the file is copied there when it is published.
func TestPublishOnAnotherDisk(t *testing.T) {
	content := random(1, 20*testSegment)
	onDisk(t, "8m", func(t *testing.T, m *machine) {
		w := wanted(content, serve("a", content))
		w.Dir = "/"
		_, file := m.published(m.small(), w)
		same(t, file, content)
		if left := append(m.names(".agent0*"), m.names("models/.*")...); left != nil {
			t.Errorf("left %q", left)
		}
	})
}

// What an earlier run reserved is not asked for again, on a disk that would not have it twice.
func TestRoomThatWasReserved(t *testing.T) {
	content := random(1, 20*testSegment)
	onDisk(t, "2m", func(t *testing.T, m *machine) {
		s := serve("a", content)
		w := wanted(content, s)
		w.Room = func(more int64) error {
			space, err := m.host.Files.Space("/models/x")
			if err == nil && more > space.Free {
				err = errors.New("no room")
			}
			return err
		}
		m.interrupted(m.small(), w, s, 10)
		state, err := Status(m.host.Files.Tree, w)
		check(t, err)
		if state.Allocated < int64(len(content)) || state.Have >= int64(len(content)) {
			t.Errorf("%+v", state)
		}
		_, file := m.published(m.small(), w)
		same(t, file, content)
	})
}
