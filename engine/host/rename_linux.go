package host

import (
	"path"

	"golang.org/x/sys/unix"
)

// Rename gives a file another name in its own folder, durably, and replaces what has that name. Of several who rename
// the same file one succeeds; to the others it is fs.ErrNotExist.
func (f *Files) Rename(name, to string) error {
	return f.at("rename", name, func(s spot) error {
		err := s.do("rename", path.Base(to), func() error { return unix.Renameat(s.dir, s.name, s.dir, path.Base(to)) })
		if err != nil {
			return err
		}
		return s.syncDir()
	})
}
