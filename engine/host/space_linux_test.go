package host_test

import (
	"math"
	"os"
	"os/exec"
	"path"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestSpaceIsOfTheNearestFolder(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			in := func(name string) string { return path.Join(dir, name) }
			check(t, os.MkdirAll(real+"/small/sub", 0o755))
			mount(t, "tmpfs", real+"/small", "tmpfs", 0, "size=3m")
			check(t, os.Mkdir(real+"/small/sub", 0o755))
			check(t, os.WriteFile(real+"/small/file", make([]byte, 1<<20), 0o644))
			check(t, os.Symlink(in("/small/sub"), real+"/link"))
			for name, looked := range map[string]string{
				"/small": "/small", "/small/sub": "/small/sub", "/small/file": "/small", "/small/file/x": "/small",
				"/small/none/deeper/still": "/small", "/link": "/link", "/link/none": "/link",
			} {
				s, err := f.Space(in(name))
				if err != nil || s.Dir != in(looked) || s.Type != "tmpfs" || s.Total != 3<<20 || s.Free != 2<<20 {
					t.Errorf("Space(%s) = %+v, %v", name, s, err)
				}
			}
			inside, err := f.Space(in("/small/x"))
			check(t, err)
			outside, err := f.Space(in("/none"))
			if err != nil || outside.Dir != dir || outside.Dev == inside.Dev || outside.Total == inside.Total {
				t.Errorf("inside %+v, outside %+v, %v", inside, outside, err)
			}
			if _, err := f.Space("relative"); err == nil {
				t.Error("a relative path has room")
			}
		})
	})
}

// TestSpaceIsWhatAProcessWithoutPrivilegeGets fills a disk of which a fifth is kept for root.
func TestSpaceIsWhatAProcessWithoutPrivilegeGets(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		d := newDisk(t, 64<<20, "mkfs.ext4", "-q", "-m", "20")
		check(t, os.Chmod(d.dir, 0o777))
		for p := path.Dir(d.dir); p != os.TempDir() && p != "/"; p = path.Dir(p) {
			check(t, os.Chmod(p, 0o711)) // so that nobody reaches it
		}
		f := open(t, host.Options{}).Files
		before, err := f.Space(d.dir)
		check(t, err)
		if before.Type != "ext4" || before.Total < 32<<20 || before.Total > 64<<20 || before.Free > before.Total*8/10 {
			t.Errorf("%+v", before)
		}
		dd := exec.Command("dd", "if=/dev/zero", "of="+d.dir+"/fill", "bs=16k")
		dd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
		out, err := dd.CombinedOutput()
		if err == nil {
			t.Fatalf("the disk did not get full: %s", out)
		}
		info, err := f.Lstat(d.dir + "/fill")
		// What the file system needs for its own lists is of the room too.
		if err != nil || info.Size > before.Free || info.Size < before.Free-1<<20 {
			t.Errorf("%d bytes were free, %d were taken, %v: %s", before.Free, info.Size, err, out)
		}
		if after, err := f.Space(d.dir + "/fill"); err != nil || after.Free > 64<<10 {
			t.Errorf("when it is full: %+v, %v", after, err)
		}
		check(t, os.WriteFile(d.dir+"/root", make([]byte, 1<<20), 0o600)) // for whom it was kept
	})
}

func TestSpaceNamesFileSystems(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		f := open(t, host.Options{}).Files
		for name, mkfs := range map[string][]string{
			"ext4": {"mkfs.ext4", "-q"}, "xfs": {"mkfs.xfs", "-q"}, "btrfs": {"mkfs.btrfs", "-q"},
		} {
			if _, err := exec.LookPath(mkfs[0]); err != nil {
				t.Logf("%s was not tried: %v", name, err)
				continue
			}
			d := newDisk(t, 512<<20, mkfs...)
			s, err := f.Space(d.dir + "/none")
			if err != nil || s.Type != name || s.Dir != d.dir || s.Total > 512<<20 || s.Free > s.Total || s.Free < 64<<20 {
				t.Errorf("%s: %+v, %v", name, s, err)
			}
		}
		boundless := t.TempDir()
		mount(t, "ramfs", boundless, "ramfs", 0, "")
		if s, err := f.Space(boundless); err != nil || s.Type != "ramfs" || s.Total != 0 || s.Free != math.MaxInt64 {
			t.Errorf("ramfs: %+v, %v", s, err)
		}
		if s, err := f.Space("/proc"); err != nil || s.Type != "0x9fa0" {
			t.Errorf("proc: %+v, %v", s, err)
		}
	})
}

// TestSubvolumesShareTheirRoom: each subvolume of a btrfs has a device number of its own.
func TestSubvolumesShareTheirRoom(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		needProgram(t, "btrfs")
		d, other := newDisk(t, 256<<20, "mkfs.btrfs", "-q"), newDisk(t, 256<<20, "mkfs.btrfs", "-q")
		program(t, "btrfs", "subvolume", "create", d.dir+"/sub")
		var top, sub unix.Stat_t
		check(t, unix.Stat(d.dir, &top))
		check(t, unix.Stat(d.dir+"/sub", &sub))
		if top.Dev == sub.Dev {
			t.Fatal("the subvolume has no number of its own: this shows nothing")
		}
		var devs []uint64
		for _, name := range []string{d.dir, d.dir + "/sub/none", other.dir} {
			s, err := open(t, host.Options{}).Files.Space(name)
			check(t, err)
			devs = append(devs, s.Dev)
		}
		if devs[0] != devs[1] || devs[0] == devs[2] {
			t.Errorf("the devices are %v", devs)
		}
	})
}
