package enginetest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FastTemp puts the machines into memory, if that holds extended attributes as a disk does: a
// sweep makes thousands of durable writes. A TMPDIR that is set stays.
func FastTemp(t *testing.T) {
	t.Helper()
	const memory = "/dev/shm"
	if os.Getenv("TMPDIR") != "" {
		return
	}
	f, err := os.CreateTemp(memory, "enginetest")
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if unix.Setxattr(f.Name(), "user.test", []byte("x"), 0) == nil {
		t.Setenv("TMPDIR", memory)
	}
}

// needRoot skips where files cannot be given away.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the machines' files have owners")
	}
}
