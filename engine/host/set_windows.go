package host

import "errors"

// Set is for kernels that have files of their own; Windows has none.
func (f *Files) Set(name string, _ []byte) error { return named("set", name, errors.ErrUnsupported) }
