package host

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Survey looks at a path itself and at its folder. Neither need be there.
func (t Tree) Survey(name string) (s Survey, err error) {
	if s.Real, err = t.Resolve(name); err != nil {
		return s, err
	}
	if s.ReadOnly, err = t.ReadOnly(name); err != nil {
		return s, err
	}
	if s.Folder, err = t.Flags(filepath.Dir(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if s.Flags, err = t.Flags(name); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		s.Mounted, err = t.IsMountPoint(name)
	}
	return s, err
}
