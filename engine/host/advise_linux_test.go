package host

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestAdviseLeavesMemory: what was read of a file that is too large for memory does not stay there, and what was read
// of others does.
func TestAdviseLeavesMemory(t *testing.T) {
	const size = 24<<20 + 5
	for what, c := range map[string]struct {
		said   int64
		leaves bool
	}{"large": {math.MaxInt64, true}, "small": {size, false}} {
		file, err := os.Create(filepath.Join(t.TempDir(), "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if st, err := statfs(int(file.Fd())); err != nil || st.Type == unix.TMPFS_MAGIC {
			t.Skipf("needs a folder for temporary files that is on a disk: %v", err)
		}
		if _, err = file.Write(make([]byte, size)); err == nil {
			err = file.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		// The kernel may keep some for a while, and take some by itself: it is asked until it does as it is told.
		var got int64
		for range 10 {
			passed := advise(file, c.said)
			for done := int64(1 << 20); done < size; done += 1 << 20 {
				passed(done)
			}
			// What is next to be read stays.
			if got = resident(t, file, size); c.leaves == (got < size/2) {
				break
			}
			if _, err := file.ReadAt(make([]byte, size), 0); err != nil {
				t.Fatal(err)
			}
		}
		if c.leaves != (got < size/2) {
			t.Errorf("%s: %d of %d bytes are in memory", what, got, size)
		}
	}
}

// resident is how many bytes of a file are in memory.
func resident(t *testing.T, file *os.File, size int) int64 {
	t.Helper()
	mapped, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	pages := make([]byte, size/os.Getpagesize()+1)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	in := int64(0)
	for _, p := range pages {
		in += int64(p&1) * int64(os.Getpagesize())
	}
	return in
}

func TestAvailableMemory(t *testing.T) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	if got, total := available(), int64(info.Totalram)*int64(info.Unit); got <= 0 || got > total {
		t.Errorf("%d of %d bytes are available", got, total)
	}
}
