package host

import (
	"path"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Rename gives a file another name in its own folder, durably, and replaces what has that name. Of several who rename
// the same file one succeeds; to the others it is fs.ErrNotExist.
func (f *Files) Rename(name, to string) error {
	return f.at("rename", name, func(s spot) error {
		from, err := windows.UTF16PtrFromString(s.full)
		if err != nil {
			return err
		}
		target, err := windows.UTF16PtrFromString(filepath.Join(filepath.Dir(s.full), path.Base(to)))
		if err != nil {
			return err
		}
		return s.do("rename", func() error {
			return windows.MoveFileEx(from, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		})
	})
}
