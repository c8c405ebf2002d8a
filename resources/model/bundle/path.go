package bundle

import (
	"github.com/opencontainers/go-digest"
)

// Blob is where a file with that SHA-256 lies in the bundle in a folder, or would.
func Blob(dir string, sha256 [32]byte) string {
	return blobPath(dir, digest.NewDigestFromBytes(digest.SHA256, sha256[:]))
}
