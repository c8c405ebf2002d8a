package bundle_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
)

// onMedium runs a test with a medium mounted at a folder that nobody else sees.
func onMedium(t *testing.T, source, fstype, options string, test func(t *testing.T, dir string)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this test needs root, to mount a medium")
	}
	t.Run(fstype, func(t *testing.T) {
		runtime.LockOSThread() // for good: the thread ends with this test, and its mounts with it
		if err := errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
			t.Skipf("this test needs a mount namespace: %v", err)
		}
		dir := t.TempDir()
		if err := unix.Mount(source, dir, fstype, 0, options); err != nil {
			t.Skipf("this test needs to mount %s: %v", fstype, err)
		}
		defer func() { check(t, unix.Unmount(dir, 0)) }()
		test(t, dir)
	})
}

// A model for which there is no room is not begun, and one that the medium then does not hold after all leaves the
// bundle that was there.
func TestFullMedium(t *testing.T) {
	onMedium(t, "tmpfs", "tmpfs", "size=6m", func(t *testing.T, dir string) {
		h, err := host.Open(host.Options{})
		check(t, err)
		defer h.Close()
		check(t, create(t, h, dir, chat))
		large := newFile("large", "large.gguf", 5<<20)
		o := &opener{files: []file{chat, large}}
		err = bundle.Create(t.Context(), h.Files, dir, models(chat, large), o.open, nil)
		failsWith(t, err, "5242880 bytes are needed and", "the medium is full")
		if o.read["large"] {
			t.Error("copying was begun")
		}
		// Somebody else fills it meanwhile.
		last := newFile("last", "last.gguf", 2<<20)
		o = &opener{files: []file{chat, last}}
		fill := func(done, _ int64) {
			if done > 0 && done < last.Size/2 {
				check(t, os.WriteFile(filepath.Join(dir, "photos"), make([]byte, 5<<18), 0o644))
			}
		}
		err = bundle.Create(t.Context(), h.Files, dir, models(chat, last), o.open, fill)
		failsWith(t, err, "the medium is full: take models off it")
		if left := leftovers(t, dir); left != nil {
			t.Errorf("left %v", left)
		}
		holds(t, h, dir, chat)
		check(t, os.Remove(filepath.Join(dir, "photos")))
		check(t, create(t, h, dir, chat, last))
		holds(t, h, dir, chat, last)
	})
}

// On a stick as a desktop mounts it, where all belongs to somebody else, it is the same for root. FAT says beforehand
// what it does not hold.
func TestSticks(t *testing.T) {
	for _, c := range []struct{ fstype, mkfs, from string }{{"vfat", "mkfs.vfat", "dosfstools"}, {"exfat", "mkfs.exfat", "exfatprogs"}} {
		t.Run(c.mkfs, func(t *testing.T) {
			mkfs, err := exec.LookPath(c.mkfs)
			if err != nil {
				t.Skipf("%s is missing: apt-get install %s", c.mkfs, c.from)
			}
			image := filepath.Join(t.TempDir(), "stick.img")
			check(t, os.WriteFile(image, nil, 0o600))
			check(t, os.Truncate(image, 64<<20))
			if out, err := exec.Command(mkfs, image).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", c.mkfs, err, out)
			}
			onMedium(t, loop(t, image), c.fstype, "uid=1000,gid=1000,umask=022", onStick)
		})
	}
}

func onStick(t *testing.T, dir string) {
	h, err := host.Open(host.Options{})
	check(t, err)
	defer h.Close()
	dir = filepath.Join(dir, "models")
	check(t, create(t, h, dir, chat))
	check(t, create(t, h, dir, chat, embed))
	holds(t, h, dir, chat, embed)
	huge := bundle.Model{Name: "huge", File: "huge.gguf", Size: 1 << 32}
	opens := func(bundle.Model) (io.ReadCloser, int64, error) { return io.NopCloser(failing{io.EOF}), huge.Size, nil }
	err = bundle.Create(t.Context(), h.Files, dir, []bundle.Model{huge}, opens, nil)
	if strings.HasSuffix(t.Name(), "vfat") {
		failsWith(t, err, "format it as exFAT or ext4")
	} else {
		failsWith(t, err, "the medium is full")
	}
	check(t, create(t, h, dir, chat))
	_, err = bundle.Prune(h.Files, dir)
	check(t, err)
	holds(t, h, dir, chat)
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
}

// A file system of a program (FUSE) may say that all is another's too, and for that there are words.
func TestForeignMedium(t *testing.T) {
	h := onHost(t, host.Options{Watch: func(op host.Op) error {
		if op.Name == "mkdir" {
			return unix.EAGAIN
		}
		return nil
	}})
	failsWith(t, create(t, h, filepath.Join(t.TempDir(), "new"), chat), "run this as that user")
}

// loop makes a file a block device for the time of a test.
func loop(t *testing.T, image string) string {
	t.Helper()
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this test needs loop devices: %v", err)
	}
	defer ctl.Close()
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	check(t, err)
	defer file.Close()
	for range 100 { // another may take the one that is free
		n, err := unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			t.Skipf("this test needs a loop device: %v", err)
		}
		name := "/dev/loop" + strconv.Itoa(n)
		err = control(name, unix.LOOP_SET_FD, int(file.Fd()))
		if err == nil {
			t.Cleanup(func() { check(t, control(name, unix.LOOP_CLR_FD, 0)) })
			return name
		}
		if !errors.Is(err, unix.EBUSY) {
			t.Skipf("this test needs a loop device: %v", err)
		}
	}
	t.Fatal("others take every loop device that is free")
	return ""
}

func control(name string, request uint, value int) error {
	dev, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer dev.Close()
	return unix.IoctlSetInt(int(dev.Fd()), request, value)
}

// A file system that holds no file so large says EFBIG, as FAT does beyond 4 GiB; here it is a limit of the process,
// which is one of its own for that.
func TestFileTooLarge(t *testing.T) {
	const dirName = "BUNDLE_TEST_DIR"
	dir := os.Getenv(dirName)
	if dir == "" {
		self := exec.Command(os.Args[0], "-test.run=^TestFileTooLarge$", "-test.v")
		self.Env = append(os.Environ(), dirName+"="+t.TempDir())
		out, err := self.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	h := onHost(t, host.Options{})
	check(t, create(t, h, dir, embed))
	limit := unix.Rlimit{Cur: 2 << 20, Max: 2 << 20}
	check(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limit))
	failsWith(t, create(t, h, dir, embed, chat), "of which a file has less than 4 GiB: format it as exFAT or ext4")
	if left := leftovers(t, dir); left != nil {
		t.Errorf("left %v", left)
	}
	holds(t, h, dir, embed)
}

// A model of any size goes through little memory.
func TestMemory(t *testing.T) {
	const size = 256 << 20
	dir, h := t.TempDir(), onHost(t, host.Options{})
	m := zeros(size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	check(t, bundle.Create(t.Context(), h.Files, dir, []bundle.Model{m}, func(bundle.Model) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.LimitReader(zero{}, size)), size, nil
	}, nil))
	check(t, opened(t, h, dir).Verify(t.Context(), nil))
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("a model of 256 MiB took %d bytes of memory altogether", got)
	}
}
