package host_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// verityDisk is an ext4 that has fs-verity.
func verityDisk(t *testing.T) *disk {
	t.Helper()
	needProgram(t, "mkfs.ext4")
	if _, err := os.Stat("/sys/fs/ext4/features/verity"); err != nil {
		t.Skipf("needs a kernel with fs-verity (CONFIG_FS_VERITY) and ext4: %v", err)
	}
	return newDisk(t, 64<<20, "mkfs.ext4", "-q", "-O", "verity", "-b", "4096")
}

// TestVerityOfTheKernel compares what the kernel measures with what is computed, about the borders of blocks and of
// levels of the tree.
func TestVerityOfTheKernel(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		d := verityDisk(t)
		f := open(t, host.Options{}).Files
		for _, size := range []int{0, 1, 4095, 4096, 4097, 8192, 128*4096 - 1, 128 * 4096, 128*4096 + 1, 129 * 4096, 5 << 20} {
			name, content := d.dir+"/x", pattern(size)
			check(t, f.Write(name, content, keep(0o644)))
			if got, err := f.Verity(name); got != nil || err != nil {
				t.Errorf("before: %x, %v", got, err)
			}
			for range 2 { // the second time it has it already
				check(t, f.EnableVerity(name))
			}
			want, err := host.VerityDigest(bytes.NewReader(content), int64(size))
			check(t, err)
			if got, err := f.Verity(name); err != nil || !bytes.Equal(got, want[:]) {
				t.Errorf("%d bytes: the kernel says %x, %v, and we %x", size, got, err, want)
			}
			if sum, err := f.Digest(t.Context(), name, nil); err != nil || sum.SHA256 != digestOf(string(content)) {
				t.Errorf("%d bytes read as %x, %v", size, sum.SHA256, err)
			}
		}
	})
}

// TestVerityForbidsChange: the content cannot be changed, owner and mode can, and the file can be replaced and removed.
func TestVerityForbidsChange(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		name := verityDisk(t).dir + "/x"
		f := open(t, host.Options{}).Files
		check(t, f.Write(name, pattern(10000), keep(0o644)))
		writer, err := os.OpenFile(name, os.O_WRONLY, 0)
		check(t, err)
		if err := f.EnableVerity(name); !errors.Is(err, syscall.ETXTBSY) || !strings.Contains(err.Error(), "open for writing") {
			t.Errorf("while somebody writes: %v", err)
		}
		check(t, writer.Close())
		check(t, f.EnableVerity(name))
		if file, err := os.OpenFile(name, os.O_WRONLY, 0); !errors.Is(err, syscall.EPERM) {
			t.Errorf("opened for writing: %v", errors.Join(err, file.Close()))
		}
		if err := os.Truncate(name, 1); !errors.Is(err, syscall.EPERM) {
			t.Errorf("truncated: %v", err)
		}
		check(t, f.SetAttr(name, keep(0o600)))
		check(t, f.Write(name, []byte("new"), keep(0o644)))
		if got, err := f.Verity(name); got != nil || err != nil {
			t.Errorf("what replaced it: %x, %v", got, err)
		}
		check(t, f.Remove(name))
	})
}

// TestVerityFindsRot changes one byte on the disk behind the file system's back.
func TestVerityFindsRot(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		d := verityDisk(t)
		f := open(t, host.Options{}).Files
		content := pattern(1 << 20)
		mark := []byte("the bytes that are about to rot")
		copy(content[600_000:], mark)
		check(t, f.Write(d.dir+"/x", content, keep(0o644)))
		check(t, f.EnableVerity(d.dir+"/x"))
		want, err := f.Verity(d.dir + "/x")
		check(t, err)
		d.unmount(t)
		rot(t, d.image, mark)
		d.mount(t)
		if got, err := f.Verity(d.dir + "/x"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("it was measured as %x, and now as %x, %v", want, got, err)
		}
		if sum, err := f.Digest(t.Context(), d.dir+"/x", nil); !errors.Is(err, syscall.EIO) {
			t.Errorf("what has rotted was read: %x, %v", sum.SHA256, err)
		}
		file, err := os.Open(d.dir + "/x")
		check(t, err)
		defer file.Close()
		head := make([]byte, 4096)
		if _, err := file.ReadAt(head, 0); err != nil || !bytes.Equal(head, content[:4096]) {
			t.Errorf("what has not rotted: %v", err)
		}
	})
}

// rot changes a bit where some bytes are, which must be in one place alone.
func rot(t *testing.T, image string, mark []byte) {
	t.Helper()
	all, err := os.ReadFile(image)
	check(t, err)
	if n := bytes.Count(all, mark); n != 1 {
		t.Fatalf("the bytes are in %d places", n)
	}
	at := bytes.Index(all, mark)
	file, err := os.OpenFile(image, os.O_WRONLY, 0)
	check(t, err)
	_, err = file.WriteAt([]byte{mark[0] ^ 1}, int64(at))
	check(t, errors.Join(err, file.Sync(), file.Close()))
}

// TestVerityWhereThereIsNone: a file system in memory has none, whatever the kernel.
func TestVerityWhereThereIsNone(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			mount(t, "tmpfs", real, "tmpfs", 0, "")
			f = open(t, host.Options{Root: f.Root()}).Files // the root is what is mounted there now
			name := filepath.Join(dir, "x")
			check(t, f.Write(name, []byte("0"), keep(0o644)))
			if got, err := f.Verity(name); got != nil || err != nil {
				t.Errorf("measured as %x, %v", got, err)
			}
			err := f.EnableVerity(name)
			if _, none := errors.AsType[*host.NoVerityError](err); !none || !strings.Contains(err.Error(), "no fs-verity") {
				t.Errorf("enabled: %v", err)
			}
			for _, name := range []string{"none", ""} {
				_, err := f.Verity(filepath.Join(dir, name))
				if err == nil || f.EnableVerity(filepath.Join(dir, name)) == nil {
					t.Errorf("%q has fs-verity: %v", name, err)
				}
			}
		})
	})
}

// TestVerityPassesTheGate: the change is named before it is made, and not made if the watcher says so.
func TestVerityPassesTheGate(t *testing.T) {
	var ops []host.Op
	h := open(t, host.Options{Root: t.TempDir(), Watch: func(op host.Op) error {
		ops = append(ops, op)
		if op.Name == "fsverity" {
			return unix.EDQUOT // an error that the kernel never gives here
		}
		return nil
	}})
	check(t, h.Files.Write("/x", nil, keep(0o644)))
	ops = nil
	if err := h.Files.EnableVerity("/x"); !errors.Is(err, unix.EDQUOT) || trace(ops) != "fsverity x" {
		t.Errorf("%v after %s", err, trace(ops))
	}
}

// TestVerityDigestIsThatOfFsverity compares with the program of the kernel's developers.
func TestVerityDigestIsThatOfFsverity(t *testing.T) {
	needProgram(t, "fsverity")
	name := filepath.Join(t.TempDir(), "x")
	const block, level = 4096, 128 * 4096 // bytes that one block of hashes covers
	sizes := []int{7, 1000, 12_345_678}
	for _, border := range []int{block, 2 * block, level, 2 * level, 128 * level} {
		sizes = append(sizes, border-1, border, border+1, border+block)
	}
	for _, size := range sizes {
		content := pattern(size)
		check(t, os.WriteFile(name, content, 0o644))
		want, err := exec.Command("fsverity", "digest", "--compact", "--hash-alg=sha256", "--block-size=4096", name).Output()
		check(t, err)
		got, err := host.VerityDigest(bytes.NewReader(content), int64(size))
		if err != nil || hexOf(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%d bytes: fsverity says %s, and we %x, %v", size, want, got, err)
		}
	}
}
