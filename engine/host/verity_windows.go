package host

import "errors"

// Verity returns nil: Windows has no fs-verity.
func (t Tree) Verity(name string) ([]byte, error) {
	_, err := t.Lstat(name)
	return nil, err
}

// EnableVerity returns a *NoVerityError.
func (f *Files) EnableVerity(name string) error {
	return named("enable fs-verity for", name, &NoVerityError{"Windows has no fs-verity", errors.ErrUnsupported})
}
