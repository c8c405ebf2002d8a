// Package level tells which builds of the engine a CPU can run. Most of what an engine does is multiplying, and how fast that
// goes is decided by which of the CPU's instructions the compiler may use: one build for all CPUs would be slow on most, or
// end on some.
package level

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Level is a set of instructions that a build uses, named as compilers do: "x86-64-v3".
type Level string

// The levels, with the flags with which each is compiled in cmd/agent0-engine/build.sh. v2 to v4 are of the x86-64 psABI
// (https://gitlab.com/x86-psABIs/x86-64-ABI).
const (
	V2     Level = "x86-64-v2"
	V3     Level = "x86-64-v3"
	V3VNNI Level = "x86-64-v3-avxvnni"
	V4VNNI Level = "x86-64-v4-avx512vnni"
	ARM    Level = "arm64"
	ARMDot Level = "arm64-dotprod"
)

// Prefix is how the names of the builds begin; the level follows.
const Prefix = spec.EnginePrefix

// Found is a build that this CPU can run.
type Found struct {
	Path  string
	Level Level
	// Degraded says, in words, that there could be a faster one; "" if not.
	Degraded string
}

// Find returns the best build in a folder of those that a CPU can run, which are given best first, as Supported does.
func Find(dir string, supported []Level) (Found, error) {
	for i, l := range supported {
		path := filepath.Join(dir, Prefix+string(l))
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return Found{}, err
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return Found{}, fmt.Errorf("%s is no program: install agent0-engine again", path)
		}
		f := Found{Path: path, Level: l}
		if i > 0 {
			f.Degraded = fmt.Sprintf("the engine is the build for %s: this CPU could run the one for %s, which is not installed", l, supported[0])
		}
		return f, nil
	}
	return Found{}, fmt.Errorf("there is no engine in %s that this CPU can run: install %s", dir, names(supported))
}

func names(levels []Level) string {
	if len(levels) == 0 {
		return "a machine with a CPU of x86-64-v2 or newer, or arm64: none is built for this one"
	}
	all := make([]string, len(levels))
	for i, l := range levels {
		all[i] = Prefix + string(l)
	}
	return strings.Join(all, " or ")
}
