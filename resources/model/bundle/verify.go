package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// blob is a file of a bundle, and what it is of.
type blob struct {
	ocispec.Descriptor
	what string
}

// blobs are those of all manifests, each once.
func (b *Bundle) blobs() []blob {
	var out []blob
	seen := map[string]bool{}
	add := func(d ocispec.Descriptor, what string) {
		if !seen[d.Digest.String()] {
			seen[d.Digest.String()] = true
			out = append(out, blob{d, what})
		}
	}
	for _, h := range b.held {
		add(h.desc, "a manifest")
		add(h.manifest.Config, "a configuration")
		for _, l := range h.manifest.Layers {
			add(l, modelOf(l, [32]byte{}).String())
		}
	}
	return out
}

// Verify reads every file of the bundle from the medium and compares it with its digest. Its error names each that
// is wrong. tell, which may be nil, is told often how many of the bytes were read.
func (b *Bundle) Verify(ctx context.Context, tell func(done, total int64)) error {
	var done, total int64
	blobs := b.blobs()
	for _, f := range blobs {
		total += f.Size
	}
	var wrong []error
	for _, f := range blobs {
		err := b.verify(ctx, f, func(n int) {
			if done += int64(n); tell != nil {
				tell(done, total)
			}
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

func (b *Bundle) verify(ctx context.Context, f blob, tell func(n int)) error {
	if _, err := registry.SHA256(f.Digest); err != nil {
		return fmt.Errorf("%s: %w", f.what, err)
	}
	name := blobPath(b.dir, f.Digest)
	file, err := b.tree.Open(name)
	if err != nil {
		return fmt.Errorf("%s is missing: %w", f.what, err)
	}
	defer file.Close()
	if err := uncached(file); err != nil {
		return fmt.Errorf("cannot read %s anew: %w", name, err)
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{&told{ctx, file, tell}}, make([]byte, 1<<20))
	if err != nil {
		return fmt.Errorf("cannot read %s, %s: %w", name, f.what, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.Size || got != f.Digest.Encoded() {
		return fmt.Errorf("%s is damaged: %s has %d bytes with the SHA-256 %s, where it should have %d: remove it and make the bundle again", f.what, name, n, got, f.Size)
	}
	return nil
}

// told reads, and tells how much.
type told struct {
	ctx  context.Context
	from io.Reader
	tell func(n int)
}

// Read stops at the end of the context.
func (t *told) Read(p []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, context.Cause(t.ctx)
	}
	n, err := t.from.Read(p)
	t.tell(n)
	return n, err
}
