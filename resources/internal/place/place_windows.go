package place

import (
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// kernelTrees are none: Windows keeps its devices out of the tree.
var kernelTrees []string

// absolute wants a drive and forward slashes, so that a path has one spelling.
func absolute(p string) bool {
	return len(p) >= 3 && p[1] == ':' && p[2] == '/' && !strings.Contains(p, `\`)
}

func exampleOf(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	if len(p) >= 2 && p[1] == ':' {
		p = p[2:]
	}
	return "C:/" + strings.TrimLeft(path.Clean(p), "./")
}

func top(p string) string { return p[:2] + "/" }

// Parent returns the folder of the path p, or "" if that is the top of the drive.
func Parent(p string) string {
	if dir := path.Dir(p); len(dir) > 3 {
		return dir
	}
	return ""
}

// Claim is the claim on the path p. Windows does not tell capitals apart.
func Claim(p string) engine.Claim { return engine.PathClaim(strings.ToLower(p)) }
