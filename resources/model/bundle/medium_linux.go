package bundle

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Whoever is handed the medium may read it.
const (
	fileMode   fs.FileMode = 0o644
	folderMode fs.FileMode = 0o755
)

func tooLarge(err error) bool { return errors.Is(err, unix.EFBIG) }

func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// foreign is what package host says of a folder that belongs to another as soon as it is made.
func foreign(err error) bool { return errors.Is(err, unix.EAGAIN) }

// uncached makes the kernel read a file from the medium, and not from memory, where what was just written still is
// as it should be.
func uncached(f interface{ Fd() uintptr }) error {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
