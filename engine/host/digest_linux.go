package host

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// openSelf opens the regular file at a path itself for reading.
func (t Tree) openSelf(verb, name string) (*os.File, error) {
	info, err := t.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Kind != File { // not even opened: opening a device may do something
		return nil, named(verb, name, notFile(info.Kind))
	}
	fd, info, err := t.openFile(verb, name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	if info.Kind != File {
		err = notFile(info.Kind) // it was replaced meanwhile
	} else {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return nil, named(verb, name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// largestFolio is how many bytes of a file the kernel keeps or lets go together, at most (a huge page).
const largestFolio = 2 << 20

func infoOf(f *os.File) (Info, error) { return fdInfo(int(f.Fd())) }

// advise tells the kernel that a file will be read from its beginning to its end, and returns what is to be told how
// far that has got. A file that is too large to stay in memory leaves it as it is read: it would only push out what
// others have there. What the kernel makes of it is its own affair, so that errors say nothing.
func advise(f *os.File, size int64) (passed func(done int64)) {
	fd := int(f.Fd())
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	if size <= available()/2 {
		return func(int64) {}
	}
	left := int64(0)
	return func(done int64) {
		if done-left < 4*largestFolio && done < size {
			return
		}
		// The kernel keeps a folio that is not wholly in the range, such as the last one of the time before.
		from := max(0, left-largestFolio)
		left = done
		_ = unix.Fadvise(fd, from, done-from, unix.FADV_DONTNEED)
	}
}

// available is how many bytes of memory programs could take before the machine swaps (proc_meminfo(5)), 0 where
// that cannot be told.
func available() int64 {
	b, err := running().ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "MemAvailable:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
