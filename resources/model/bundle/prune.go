package bundle

import (
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Prune removes from the bundle in a folder the files that nothing in it names any more, and returns how many bytes
// that freed. A layout with things that it does not understand it leaves as it is, which is an error.
func Prune(files *host.Files, dir string) (freed int64, err error) {
	index, err := readIndex(files.Tree, dir)
	if err != nil {
		return 0, err
	}
	for _, m := range index.Manifests {
		if m.MediaType != ocispec.MediaTypeImageManifest {
			return 0, fmt.Errorf("cannot prune %s: its index names a %s, and what that needs is not known", dir, m.MediaType)
		}
	}
	b, err := Open(files.Tree, dir)
	if err != nil {
		return 0, err
	}
	needed := map[string]bool{}
	for _, f := range b.blobs() {
		needed[f.Digest.Encoded()] = true
	}
	folder := path.Join(dir, ocispec.ImageBlobsDir, digest.SHA256.String())
	names, err := files.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if needed[name] || !ours(name) {
			continue
		}
		info, err := files.Lstat(path.Join(folder, name))
		if err != nil {
			return freed, err
		}
		if err := files.Remove(path.Join(folder, name)); err != nil {
			return freed, err
		}
		freed += info.Size
	}
	return freed, nil
}

// ours says that a file is a blob, or what is left of one that was being written.
func ours(name string) bool {
	return digest.Digest("sha256:"+name).Validate() == nil || strings.HasPrefix(name, ".agent0-converge.")
}
