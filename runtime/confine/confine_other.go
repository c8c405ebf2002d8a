//go:build !linux

package confine

// Engine confines nothing here, and says so.
func Engine(Files) (missing []string, err error) {
	return []string{"the engine is not confined: that needs Linux"}, nil
}
