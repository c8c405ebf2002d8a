package gpugroup

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// node is a device node of a GPU that its group may use.
type node struct {
	path string
	gid  int
}

// patterns are the nodes: those of the kernel's graphics drivers, of AMD's compute driver and of
// NVIDIA's own.
var patterns = []string{"/dev/dri/card*", "/dev/dri/renderD*", "/dev/kfd", "/dev/nvidia*"}

// groupUses are the permissions that make a group of use.
const groupUses fs.FileMode = 0o060

// nodes lists the nodes of this machine. Those of the machine that builds an image say nothing.
func nodes(v host.View) ([]node, error) {
	if v.Offline {
		return nil, nil
	}
	var out []node
	for _, dir := range []string{"/dev/dri", "/dev"} {
		names, err := v.Files.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			p := path.Join(dir, name)
			if !slices.ContainsFunc(patterns, func(pattern string) bool { ok, err := path.Match(pattern, p); return ok && err == nil }) {
				continue
			}
			info, err := v.Files.Lstat(p)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err == nil && info.Kind == host.Other && info.Mode&groupUses == groupUses {
				out = append(out, node{p, info.GID})
			}
		}
	}
	return out, nil
}
