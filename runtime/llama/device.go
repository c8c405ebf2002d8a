//go:build llama

package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// LoadBackend loads a library with a backend, such as libggml-cuda.so, whose devices Devices then lists too. Nothing else of
// llama.cpp may be at work meanwhile: what it says until then is taken for the reason of a failure.
func LoadBackend(path string) error {
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	before, said := logger.Load(), ""
	heard := func(l Level, line string) {
		if line := strings.TrimSpace(line); line != "" {
			said = strings.TrimPrefix(line, "load_backend: ") // the function of ggml that says it
		}
		if before != nil {
			(*before)(l, line)
		}
	}
	logger.Store(&heard)
	defer logger.Store(before)
	var why C.a0_message
	if err := status("load "+path, C.a0_load_backend(cpath, &why), &why); err != nil {
		if _, reason, ok := strings.Cut(said, path+": "); ok {
			return fmt.Errorf("cannot load it: %s", strings.TrimPrefix(reason, path+": "))
		}
		if said != "" {
			return fmt.Errorf("cannot load it: %s", said)
		}
		return err
	}
	return nil
}

// Device is something that computes.
type Device struct {
	// Name is "CPU" or "CUDA0", Backend "CPU" or "CUDA".
	Name, Description, Backend string
	// GPU is true of a GPU with or without memory of its own.
	GPU bool
	// Free and Total are bytes of its memory.
	Free, Total uint64

	index C.int32_t
}

// Devices lists the devices of all backends that are loaded.
func Devices() []Device {
	all := make([]Device, C.a0_device_count())
	for i := range all {
		var d C.a0_device
		C.a0_device_get(C.int32_t(i), &d)
		all[i] = Device{
			Name: C.GoString(&d.name[0]), Description: C.GoString(&d.description[0]), Backend: C.GoString(&d.backend[0]),
			GPU: d._type == 1 || d._type == 2, Free: uint64(d.free), Total: uint64(d.total), // GGML_BACKEND_DEVICE_TYPE_GPU, _IGPU
			index: C.int32_t(i),
		}
	}
	return all
}

// Prove has the device multiply matrices and compares what it gets with what the CPU gets. A driver that is broken may end the
// process, or never return.
func (d *Device) Prove() error {
	var why C.a0_message
	return status("compute with "+d.Name, C.a0_device_prove(d.index, &why), &why)
}
