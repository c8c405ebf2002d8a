package guest

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/gotest"
)

func TestLoadOrder(t *testing.T) {
	const deps = `kernel/a/virtio-pci.ko: kernel/a/virtio_legacy.ko kernel/a/virtio_ring.ko kernel/a/virtio.ko
kernel/b/virtio_blk.ko.xz: kernel/a/virtio_ring.ko kernel/a/virtio.ko
kernel/a/virtio.ko:
`
	const builtin = "kernel/fs/ext4/ext4.ko\n"
	got, err := loadOrder(deps, builtin, []string{"virtio_pci", "virtio_blk", "ext4", "virtio"})
	want := []string{"kernel/a/virtio.ko", "kernel/a/virtio_ring.ko", "kernel/a/virtio_legacy.ko", "kernel/a/virtio-pci.ko", "kernel/b/virtio_blk.ko.xz"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := loadOrder(deps, builtin, []string{"btrfs"}); err == nil {
		t.Errorf("a module that there is not: %q", got)
	}
}

// A pass is what says so, and nothing else.
func TestWhatAGuestSays(t *testing.T) {
	for end, want := range map[string]Result{
		"START 12.5\nEXIT 0\n":  {Boot: 12500 * time.Millisecond},
		"START 3.00\nEXIT 77\n": {Boot: 3 * time.Second, Code: 77},
	} {
		var got Result
		if err := got.read(end); err != nil || got.Code != want.Code || got.Boot != want.Boot {
			t.Errorf("%q: %+v, %v", end, got, err)
		}
	}
	for _, end := range []string{"", "EXIT 0\n", "START 1.0\n", "START 1.0\nEXIT", "START 1.0\nEXIT \n", "START 1.0\nEXIT x\n", "START 1.0\nEXIT 0"} {
		if err := new(Result).read(end); err == nil {
			t.Errorf("%q is an answer", end)
		}
	}
}

func TestPatience(t *testing.T) {
	for load, want := range map[string]float64{"0.00 0.00 0.00 1/100 7": 1, "2.00 9 9 1/1 1": 2, "6.00 1": 4, "100 1": 8, "": 1} {
		if got := patience(load, 2); got != want {
			t.Errorf("%q: %v, not %v", load, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	var got []string
	l := &lines{each: func(line string) { got = append(got, line) }}
	for _, part := range []string{"a", "b\n\x16=== c\n\n", "d"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Error(n, err)
		}
	}
	l.end()
	if want := []string{"ab", "=== c", "", "d"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestQuote(t *testing.T) {
	want := []string{"a b", "it's", `$HOME\`, ""}
	out, err := exec.Command("sh", "-c", `printf '%s\n' `+quote(want...)).Output()
	if err != nil || string(out) != strings.Join(want, "\n")+"\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// What skips in a guest fails, a subtest too, unless it may.
func TestSkipsAreNotAccepted(t *testing.T) {
	passed, skipped := &gotest.Result{Name: "TestA", Action: "pass"}, &gotest.Result{Name: "TestA", Action: "pass", Skipped: []string{"TestA/sub"}}
	if err := (Options{}).accepts(passed); err != nil {
		t.Error(err)
	}
	if err := (Options{}).accepts(skipped); err == nil || !strings.Contains(err.Error(), "TestA/sub") {
		t.Error(err)
	}
	if err := (Options{MaySkip: true}).accepts(skipped); err != nil {
		t.Error(err)
	}
}

func TestPack(t *testing.T) {
	name, err := pack(t.TempDir(), "true", fstest.MapFS{"dir/file": {Data: []byte("x"), Mode: 0o755}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size()%512 != 0 {
		t.Errorf("a disk of %d bytes, %v", info.Size(), err)
	}
	got := map[string]int64{}
	for in := tar.NewReader(file); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h.Mode
	}
	if len(got) != 3 || got["dir/file"] != 0o755 || got[scriptName] != 0o644 {
		t.Errorf("packed %v", got)
	}
}
