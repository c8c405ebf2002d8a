package host

import "golang.org/x/sys/unix"

// ReadWhole reads what is at a path itself: a symbolic link is not followed, and nothing but a regular
// file of at most max bytes is opened.
func (t Tree) ReadWhole(name string, max int64) (Whole, error) {
	info, err := t.Lstat(name)
	if err != nil || info.Kind != File || info.Size > max {
		return Whole{Info: info}, err
	}
	fd, info, err := t.openFile("read", name, unix.O_NOFOLLOW)
	if err != nil {
		return Whole{}, err
	}
	defer unix.Close(fd)
	w := Whole{Info: info}
	if w.Kind != File || w.Size > max {
		return w, nil // it was replaced meanwhile
	}
	if w.Xattrs, err = fdXattrs(fd); err != nil {
		return w, named("read attributes of", name, err)
	}
	w.Content, err = readAll(fd, w.Size)
	return w, named("read", name, err)
}
