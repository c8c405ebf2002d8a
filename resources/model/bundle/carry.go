package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// Push brings the bundle to a registry, under oci://registry/repository:tag. What that has already is not sent
// again.
func (b *Bundle) Push(ctx context.Context, c *registry.Client, ref string) error {
	h, err := b.own()
	if err != nil {
		return err
	}
	blobs := append([]ocispec.Descriptor{h.manifest.Config}, h.manifest.Layers...)
	return c.Push(ctx, ref, h.desc, h.raw, blobs, func(d ocispec.Descriptor) (io.ReadCloser, error) {
		return b.tree.Open(blobPath(b.dir, d.Digest))
	})
}

// own is the manifest that Create wrote.
func (b *Bundle) own() (held, error) {
	for _, h := range b.held {
		if h.manifest.ArtifactType == ArtifactType {
			return h, nil
		}
	}
	return held{}, fmt.Errorf("%s is a layout with no manifest of a bundle", b.dir)
}

// Pull makes the folder dir a bundle of the models that a manifest in a registry has. It is as careful as Create, and
// as easily done again.
func Pull(ctx context.Context, files *host.Files, dir string, c *registry.Client, ref string, tell func(done, total int64)) error {
	raw, desc, err := c.Manifest(ctx, ref)
	if err != nil {
		return err
	}
	h := held{desc: desc, raw: raw}
	if err := json.Unmarshal(raw, &h.manifest); err != nil {
		return fmt.Errorf("cannot read the manifest of %s: %w", ref, err)
	}
	b := &Bundle{dir: ref}
	if err := b.addAll(h); err != nil {
		return err
	}
	if len(b.models) == 0 {
		return fmt.Errorf("the manifest of %s has no models", ref)
	}
	manifest, written, err := describe(b.models)
	if err != nil {
		return err
	}
	w := &writer{files: files, dir: dir, tell: tell}
	return w.write(ctx, b.models, manifest, written, func(m Model) (io.ReadCloser, error) {
		source, err := c.Source(ref, m.SHA256)
		if err != nil {
			return nil, err
		}
		return fetch.NewWhole(ctx, source, fetch.Pace{}, nil), nil
	})
}
