package bundle

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// As the folder says.
const (
	fileMode   fs.FileMode = 0
	folderMode fs.FileMode = 0
)

// tooLarge looks for what Windows says of a file that the file system cannot hold.
func tooLarge(err error) bool { return errors.Is(err, windows.ERROR_FILE_TOO_LARGE) }

func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// foreign is nothing that happens: what is made belongs to who made it.
func foreign(error) bool { return false }

// uncached does nothing: Windows lets go of what it remembers of a file only with the medium.
func uncached(interface{ Fd() uintptr }) error { return nil }
