package hosttest

import (
	"errors"
	"io/fs"
)

func dress(_ string, f File, _ fs.FileMode) error {
	if len(f.Xattrs) > 0 {
		return errors.New("cannot put a file: Windows has no extended attributes")
	}
	return nil
}

// attributes has none to describe that a snapshot could compare.
func attributes(string, fs.FileInfo) (string, error) { return "", nil }
