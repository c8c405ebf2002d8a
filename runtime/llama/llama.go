//go:build llama

package llama

// #cgo CXXFLAGS: -std=c++17 -Wall -Wextra
// #cgo LDFLAGS: -static-libgcc -static-libstdc++ -lm -ldl -lpthread -lrt
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unsafe"

	_ "github.com/ollama/ollama/llama/llama.cpp/src" // llama.cpp itself

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// ErrAborted says that a load was given up as asked.
var ErrAborted = errors.New("the load was given up")

// RefusedError says that what was asked for is wrong, and not that llama.cpp failed.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// status makes an error of what a call returned.
func status(verb string, code C.int, why *C.a0_message) error {
	text := C.GoString(&why.text[0])
	switch code {
	case C.A0_OK:
		return nil
	case C.A0_NO_ROOM:
		return spec.ErrNoRoom
	case C.A0_ABORTED:
		return ErrAborted
	case C.A0_DEAD_END:
		return spec.ErrDeadEnd
	case C.A0_REFUSED:
		return &RefusedError{text}
	}
	return fmt.Errorf("cannot %s: %s", verb, text)
}

// Level is how much a line of llama.cpp's log matters, as ggml has it.
type Level int

// The levels of ggml_log_level. Continued lines belong to the one before.
const (
	LevelNone Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelContinued
)

var logger atomic.Pointer[func(Level, string)]

// unloaded is why llama.cpp did not load the last model that it did not load: it says so in its log alone.
var unloaded atomic.Pointer[string]

// loading is what comes before the reason.
const loading = "error loading model: "

//export a0Log
func a0Log(level C.int, text *C.char, _ unsafe.Pointer) {
	if Level(level) == LevelError {
		if _, why, ok := strings.Cut(C.GoString(text), loading); ok {
			why = strings.TrimSpace(why)
			unloaded.Store(&why)
		}
	}
	if log := logger.Load(); log != nil {
		(*log)(Level(level), C.GoString(text))
	}
}

// Init prepares the process, once. log is called, by any thread, with what llama.cpp has to say.
func Init(log func(Level, string)) {
	logger.Store(&log)
	C.a0_init()
}

// Features lists what this build uses of the CPU: "AVX2", "AVX512_VNNI".
func Features() []string {
	var names []string
	for _, part := range strings.Split(C.GoString(C.a0_system_info()), "|") {
		name, value, ok := strings.Cut(part, "=")
		if i := strings.LastIndex(name, ":"); i >= 0 {
			name = name[i+1:]
		}
		if ok && strings.TrimSpace(value) == "1" {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// AssertFalse fails an assertion in C, and with it the process. It is for tests of what comes after that.
func AssertFalse() { C.a0_assert_false() }
