package host_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// rewrite puts other bytes of the same number into a file and gives it its old time back, as one does who does not
// want it to be seen.
func rewrite(t *testing.T, name, content string, old time.Time) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	check(t, err)
	_, err = file.WriteString(content)
	check(t, errors.Join(err, file.Close(), os.Chtimes(name, old, old)))
}

func TestEveryChangeAfterSettlingShows(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.WriteFile(real+"/x", []byte("0"), 0o644))
		for i := range 50 {
			info, err := f.Settle(t.Context(), dir+"/x")
			check(t, err)
			if again, err := f.Lstat(dir + "/x"); err != nil || !again.Unchanged(info) || info.Kind != host.File {
				t.Fatalf("settled as %+v, %v, is %+v", info, err, again)
			}
			rewrite(t, real+"/x", string(rune('a'+i%20)), info.ModTime)
			if after, err := f.Lstat(dir + "/x"); err != nil || after.Unchanged(info) || !after.ModTime.Equal(info.ModTime) {
				t.Fatalf("change %d does not show: %+v, %+v, %v", i, info, after, err)
			}
		}
	})
}

// TestSettleOnACoarseFileSystem proves the same where all changes within a second have one and the same time.
func TestSettleOnACoarseFileSystem(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		d := newDisk(t, 32<<20, "mkfs.ext4", "-q", "-I", "128")
		f, name := open(t, host.Options{}).Files, d.dir+"/x"
		check(t, os.WriteFile(name, []byte("0"), 0o644))
		hidden := false
		for try := 0; try < 50 && !hidden; try++ { // a second may end between the two
			before, err := f.Lstat(name)
			check(t, err)
			rewrite(t, name, "1", before.ModTime)
			first, err := f.Lstat(name)
			check(t, err)
			rewrite(t, name, "2", before.ModTime)
			second, err := f.Lstat(name)
			check(t, err)
			hidden = second.Unchanged(first)
		}
		if !hidden {
			t.Fatal("every change shows here at once: this shows nothing")
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Settle(cancelled, name); !errors.Is(err, context.Canceled) {
			t.Errorf("it does not stop waiting: %v", err)
		}
		for range 2 {
			info, err := f.Settle(t.Context(), name)
			check(t, err)
			rewrite(t, name, "3", info.ModTime)
			if after, err := f.Lstat(name); err != nil || after.Unchanged(info) {
				t.Errorf("a change does not show: %+v, %v", info, err)
			}
		}
	})
}

func TestFutureCannotBeSettled(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		needProgram(t, "debugfs")
		d := newDisk(t, 32<<20, "mkfs.ext4", "-q")
		check(t, os.WriteFile(d.dir+"/x", []byte("0"), 0o644))
		d.unmount(t)
		program(t, "debugfs", "-w", "-R", "set_inode_field /x ctime @2147000000", d.image)
		d.mount(t)
		f := open(t, host.Options{}).Files
		info, err := f.Settle(t.Context(), d.dir+"/x")
		if _, unsettled := errors.AsType[*host.UnsettledError](err); !unsettled || info.Size != 1 || info.ChangeTime.Unix() != 2147000000 {
			t.Errorf("%+v, %v", info, err)
		}
		for range 2 { // it is hashed all the same, each time
			told := 0
			sum, err := f.Digest(t.Context(), d.dir+"/x", func(int64, int64) { told++ })
			if err != nil || sum.SHA256 != digestOf("0") || told == 0 {
				t.Errorf("%+v, told %d times, %v", sum, told, err)
			}
		}
	})
}

// TestSettleByTheClockOfAnother: who made the files of an overlay cannot be told, so that time has to pass.
func TestSettleByTheClockOfAnother(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"lower", "upper", "work", "mnt"} {
			check(t, os.Mkdir(dir+"/"+name, 0o755))
		}
		mount(t, "overlay", dir+"/mnt", "overlay", 0, "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work")
		f, name := open(t, host.Options{}).Files, dir+"/mnt/x"
		check(t, os.WriteFile(name, []byte("0"), 0o644))
		for range 3 {
			info, err := f.Settle(t.Context(), name)
			check(t, err)
			rewrite(t, name, "1", info.ModTime)
			if after, err := f.Lstat(name); err != nil || after.Unchanged(info) {
				t.Errorf("a change does not show: %+v, %v", info, err)
			}
		}
	})
}

func TestSettleOfNothing(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, _ string) {
		if _, err := f.Settle(t.Context(), dir+"/none"); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
}
