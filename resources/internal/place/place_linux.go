package place

import (
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// kernelTrees are where files are the kernel's, or a device manager's.
var kernelTrees = []string{"/proc", "/sys", "/dev"}

func absolute(p string) bool { return strings.HasPrefix(p, "/") }

func exampleOf(p string) string { return "/" + strings.TrimLeft(path.Clean(p), "./") }

func top(string) string { return "/" }

// Parent returns the folder of the path p, or "" if that is the top of the tree.
func Parent(p string) string {
	if dir := path.Dir(p); dir != "/" {
		return dir
	}
	return ""
}

// Claim is the claim on the path p.
func Claim(p string) engine.Claim { return engine.PathClaim(p) }
