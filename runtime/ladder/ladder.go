// Package ladder decides by what an engine computes. The rungs are libraries of backends, best first, and below them the CPU,
// which needs none. A library is tried in a process of its own before an engine uses it: a driver that does not fit may crash
// or hang whoever asks it. What was found out is remembered, so that an engine that is replaced need not wait for it again.
package ladder

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names of backends that are tried before others, best first, as in libggml-cuda.so.
var best = []string{"cuda", "vulkan"}

// Rungs returns the libraries of backends in a folder, best first. Those for CPUs are none: the engine is built for its CPU.
func Rungs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, ok := backend(e.Name())
		if ok && name != "base" && name != "cpu" && !strings.HasPrefix(name, "cpu-") {
			names = append(names, e.Name())
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) })
	for i, n := range names {
		names[i] = filepath.Join(dir, n)
	}
	return names, nil
}

// backend returns the name of a backend by that of its library.
func backend(file string) (string, bool) {
	rest, ok := strings.CutPrefix(file, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, suffix)
}

func place(file string) int {
	name, _ := backend(file)
	if i := slices.Index(best, name); i >= 0 {
		return i
	}
	return len(best)
}

// rungs returns the libraries to try, and why there is none although the configuration asks for one.
func (c *Config) rungs() (all []string, missing string) {
	if c.Layers == 0 {
		return nil, ""
	}
	if c.Backends == "" {
		if c.Layers > 0 {
			return nil, "the model is computed by the CPU: gpu_layers asks for a GPU, and backends names no folder with libraries for one"
		}
		return nil, ""
	}
	all, err := Rungs(c.Backends)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "the model is computed by the CPU: the folder of backends " + c.Backends + " is missing"
	case err != nil:
		return nil, "the model is computed by the CPU: cannot read the folder of backends: " + err.Error()
	case len(all) == 0 && c.Layers > 0:
		return nil, "the model is computed by the CPU: gpu_layers asks for a GPU, and there is no library for one in " + c.Backends
	}
	return all, ""
}
