package enginetest

import "testing"

// useFastTemp does nothing: Windows has no file system in memory.
func useFastTemp(*testing.T) {}

func needRoot(*testing.T) {}
