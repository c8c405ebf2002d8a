package enginetest

import "testing"

// FastTemp does nothing: Windows has no file system in memory.
func FastTemp(*testing.T) {}

func needRoot(*testing.T) {}
