package host_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// What does not fit is an error that says how much there is, on a full disk and on one that reserves nothing.
func TestPartialOnAFullDisk(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.Mkdir(real+"/full", 0o755))
			mount(t, "tmpfs", real+"/full", "tmpfs", 0, "size=64k")
			p, err := f.OpenPartial(dir+"/full", partialName)
			check(t, err)
			defer p.Close()
			_, err = p.WriteAt(make([]byte, 16<<10), 0)
			check(t, err)
			var full *host.NoSpaceError
			err = p.Reserve(1 << 20)
			if !errors.As(err, &full) || full.Need != 1<<20-16<<10 || full.Free != 48<<10 || !errors.Is(err, syscall.ENOSPC) ||
				!strings.Contains(err.Error(), "cannot make room for 1008 KiB") || !strings.Contains(err.Error(), ": 48 KiB are free") {
				t.Errorf("%v: %+v", err, full)
			}
			check(t, p.Reserve(64<<10))
			_, err = p.WriteAt(make([]byte, 1<<20), 16<<10)
			if !errors.As(err, &full) || full.Free != 0 {
				t.Errorf("%v: %+v", err, full)
			}
			check(t, p.Truncate(16<<10))
			if info, err := p.Info(); info.Size != 16<<10 || err != nil {
				t.Errorf("it has %d bytes, %v", info.Size, err)
			}
		})
	})
}

// An ext4 that keeps some for root: that is not free to others, and what was reserved in vain is given back.
func TestPartialOnExt4WithReservedBlocks(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		dir := newDisk(t, 16<<20, "mkfs.ext4", "-q", "-m", "20").dir
		f := open(t, host.Options{}).Files
		p, err := f.OpenPartial(dir, partialName)
		check(t, err)
		defer p.Close()
		space := func() int64 {
			var st unix.Statfs_t
			check(t, unix.Statfs(dir, &st))
			return int64(st.Bavail) * st.Frsize
		}
		check(t, p.Reserve(1<<20))
		before := space()
		var full *host.NoSpaceError
		if err := p.Reserve(1 << 30); !errors.As(err, &full) || math.Abs(float64(full.Free-before)) > 1<<20 && full.Free > 0 {
			t.Errorf("%v: %+v, free were %d", err, full, before)
		}
		if after := space(); after < before {
			t.Errorf("%d were free before, %d after it was asked in vain", before, after)
		}
		_, err = p.WriteAt([]byte("x"), 0)
		check(t, err)
		check(t, p.Publish(dir+"/m", keep(0o644), nil))
	})
}

// On another file system the file is copied, and the copy is what before sees and what is published.
func TestPartialIsPublishedOnAnotherFileSystem(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.Mkdir(real+"/far", 0o755))
			check(t, os.Mkdir(real+"/bound", 0o755))
			mount(t, "tmpfs", real+"/far", "tmpfs", 0, "size=40m")
			mount(t, real, real+"/bound", "", unix.MS_BIND, "") // the same file system, and yet EXDEV
			content := bytes.Repeat([]byte("0123456789abcdef"), 33<<16)
			for _, to := range []string{"/far/m", "/bound/m"} {
				p, err := f.OpenPartial(dir, partialName)
				check(t, err)
				_, err = p.WriteAt(content, 0)
				check(t, err)
				var seen []string
				check(t, p.Publish(dir+to, host.Attr{Mode: 0o640, UID: 7, GID: 8}, func(name string) error {
					seen = append(seen, filepath.Dir(name))
					return nil
				}))
				check(t, p.Close())
				b, err := os.ReadFile(real + to)
				if !bytes.Equal(b, content) || err != nil || modeOwner(t, real+to) != "0640 7:8" {
					t.Errorf("%s: %d bytes, %s, %v", to, len(b), modeOwner(t, real+to), err)
				}
				if seen[len(seen)-1] != filepath.Dir(filepath.Join(dir, to)) {
					t.Errorf("%s: before saw %q", to, seen)
				}
				left := append(leftovers(t, real), leftovers(t, filepath.Dir(real+to))...)
				if left != nil {
					t.Errorf("%s: left %v", to, left)
				}
				check(t, os.Remove(real+to))
			}
			// One that has not the room keeps what was there and the partial file.
			check(t, os.WriteFile(real+"/far/m", []byte("old"), 0o600))
			p, err := f.OpenPartial(dir, partialName)
			check(t, err)
			defer p.Close()
			_, err = p.WriteAt([]byte("x"), 50<<20)
			check(t, err)
			var full *host.NoSpaceError
			if err := p.Publish(dir+"/far/m", keep(0o644), nil); !errors.As(err, &full) || full.Need != 50<<20+1 || full.Path != filepath.Join(dir, "far/m") {
				t.Errorf("%v: %+v", err, full)
			}
			b, err := os.ReadFile(real + "/far/m")
			if string(b) != "old" || err != nil || leftovers(t, real+"/far") != nil || len(leftovers(t, real)) != 1 {
				t.Errorf("%q, %v, left %v and %v", b, err, leftovers(t, real+"/far"), leftovers(t, real))
			}
		})
	})
}

// A machine that stops within the publication on another file system arrives when it is asked again.
func TestStopWhileAPartialIsCopied(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		real := t.TempDir()
		check(t, os.Mkdir(real+"/far", 0o755))
		mount(t, "tmpfs", real+"/far", "tmpfs", 0, "")
		stopped := errors.New("stopped")
		points := 0
		for n := 1; ; n++ {
			left, stop := n, true
			f := open(t, host.Options{Root: real, Watch: func(host.Op) error {
				if left--; stop && left < 0 {
					return stopped
				}
				return nil
			}}).Files
			publish := func() error {
				p, err := f.OpenPartial("/", partialName)
				if err != nil {
					return err
				}
				defer p.Close()
				if _, err := p.WriteAt([]byte("new"), 0); err != nil {
					return err
				}
				return p.Publish("/far/m", keep(0o644), nil)
			}
			err := publish()
			if err == nil {
				break
			}
			if !errors.Is(err, stopped) {
				t.Fatalf("stopped at %d: %v", n, err)
			}
			points++
			stop = false
			check(t, publish())
			b, err := os.ReadFile(real + "/far/m")
			if string(b) != "new" || err != nil || leftovers(t, real) != nil || leftovers(t, real+"/far") != nil {
				t.Errorf("again after %d: %q, %v, left %v %v", n, b, err, leftovers(t, real), leftovers(t, real+"/far"))
			}
			check(t, os.Remove(real+"/far/m"))
		}
		t.Logf("stopped at %d points", points)
		if points < 8 {
			t.Errorf("only %d points", points)
		}
	})
}

// A crash after fs-verity was enabled and before the rename: the file can be published and no longer be written.
func TestPartialThatIsSealed(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		dir := newDisk(t, 16<<20, "mkfs.ext4", "-q", "-O", "verity", "-b", "4096").dir
		f := open(t, host.Options{}).Files
		p, err := f.OpenPartial(dir, partialName)
		check(t, err)
		_, err = p.WriteAt([]byte("whole"), 0)
		check(t, err)
		crash := errors.New("crash")
		err = p.Publish(dir+"/m", keep(0o644), func(name string) error { return errors.Join(f.EnableVerity(name), crash) })
		check(t, p.Close())
		var none *host.NoVerityError
		if errors.As(err, &none) {
			t.Skipf("needs fs-verity: %v", none)
		}
		if !errors.Is(err, crash) {
			t.Fatal(err)
		}
		p, err = f.OpenPartial(dir, partialName)
		check(t, err)
		defer p.Close()
		if _, err := p.WriteAt([]byte("x"), 0); !p.Sealed() || !errors.Is(err, syscall.EPERM) {
			t.Errorf("sealed %v, written: %v", p.Sealed(), err)
		}
		check(t, p.Publish(dir+"/m", keep(0o644), f.EnableVerity))
		if b, err := os.ReadFile(dir + "/m"); string(b) != "whole" || err != nil {
			t.Errorf("published was %q, %v", b, err)
		}
	})
}

// On a stick as a desktop mounts it all belongs to somebody else, and a file in the making is found again all the same.
func TestPartialOnAStick(t *testing.T) {
	for _, mkfs := range []string{"mkfs.vfat", "mkfs.exfat"} {
		t.Run(mkfs, func(t *testing.T) {
			inNamespace(t, func(t *testing.T) {
				dir := newDiskAs(t, 64<<20, "uid=1000,gid=1000,umask=022", mkfs).dir
				f := open(t, host.Options{}).Files
				for _, part := range []string{"one", "two"} {
					p, err := f.OpenPartial(dir, partialName)
					check(t, err)
					info, err := p.Info()
					check(t, err)
					_, err = p.WriteAt([]byte(part), info.Size)
					check(t, err)
					check(t, p.Sync())
					check(t, p.Close())
				}
				p, err := f.OpenPartial(dir, partialName)
				check(t, err)
				check(t, p.Publish(dir+"/m", keep(0o644), nil))
				check(t, p.Close())
				if b, err := os.ReadFile(dir + "/m"); string(b) != "onetwo" || err != nil {
					t.Errorf("%q, %v", b, err)
				}
			})
		})
	}
}
