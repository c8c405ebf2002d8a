package host

// ReadWhole reads what is at a path itself: a symbolic link is not followed, and nothing but a regular
// file of at most max bytes is opened.
func (t Tree) ReadWhole(name string, max int64) (Whole, error) {
	info, err := t.Lstat(name)
	w := Whole{Info: info}
	if err != nil || info.Kind != File || info.Size > max {
		return w, err
	}
	if w.Xattrs, err = t.Xattrs(name); err != nil {
		return w, err
	}
	w.Content, err = t.ReadFile(name)
	return w, err
}
