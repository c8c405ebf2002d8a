//go:build llama && fault

package llama

// #include <stdlib.h>
import "C"

// Abort ends the process as a failed assertion in llama.cpp does. Only builds for tests have it.
func Abort() { C.abort() }
