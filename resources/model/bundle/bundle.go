// Package bundle keeps models on a medium that is carried to machines without a network: an OCI image layout
// (image-spec 1.1, image-layout.md), so that oras, skopeo and registries take it as it is. It holds one manifest with a
// layer for each model.
package bundle

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// ArtifactType tells the manifest of a bundle from those of other things in the same layout.
const ArtifactType = "application/vnd.agent0-converge.models.v1"

// Ref is what the manifest is called in the layout, such as in "skopeo copy oci:/media/stick:models …".
const Ref = "models"

// nameKey is the annotation of a layer with what plans call the model.
const nameKey = "com.github.agent0-converge.model.name"

// Model is a model in a bundle.
type Model struct {
	// Name is what plans call it. It may be empty.
	Name   string
	SHA256 [32]byte
	// Size is in bytes.
	Size int64
	// File is the base name of its file. It may be empty.
	File string
}

func (m Model) String() string {
	switch {
	case m.Name != "" && m.File != "":
		return m.Name + " (" + m.File + ")"
	case m.Name+m.File != "":
		return m.Name + m.File
	}
	return hex.EncodeToString(m.SHA256[:])
}

// Bundle is a bundle that can be read.
type Bundle struct {
	tree   host.Tree
	dir    string
	models []Model
	held   []held
}

// held is a manifest of the layout with what it says.
type held struct {
	desc     ocispec.Descriptor
	raw      []byte
	manifest ocispec.Manifest
}

// Open reads which models lie in the bundle in a folder. A layout that others made is one too, as far as its
// layers are models by what its manifests say. The models themselves are not looked at.
func Open(t host.Tree, dir string) (*Bundle, error) {
	index, err := readIndex(t, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no bundle in %s: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	b := &Bundle{tree: t, dir: dir}
	for _, desc := range index.Manifests {
		if desc.MediaType != ocispec.MediaTypeImageManifest {
			continue
		}
		h, err := readManifest(t, dir, desc)
		if err != nil {
			return nil, err
		}
		b.held = append(b.held, h)
		if err := b.addAll(h); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Bundle) addAll(of held) error {
	for _, layer := range of.manifest.Layers {
		if err := b.add(of, layer); err != nil {
			return err
		}
	}
	return nil
}

// add takes a layer for what it is.
func (b *Bundle) add(of held, layer ocispec.Descriptor) error {
	if of.manifest.ArtifactType != ArtifactType && !registry.IsModel(layer) {
		return nil
	}
	sum, err := registry.SHA256(layer.Digest)
	if err != nil || layer.Size < 0 {
		return fmt.Errorf("the manifest %s in %s has a layer that is none: digest %q, size %d", of.desc.Digest, b.dir, layer.Digest, layer.Size)
	}
	m := modelOf(layer, sum)
	if !slices.Contains(b.models, m) {
		b.models = append(b.models, m)
	}
	return nil
}

func modelOf(layer ocispec.Descriptor, sum [32]byte) Model {
	return Model{Name: layer.Annotations[nameKey], SHA256: sum, Size: layer.Size, File: registry.FileName(layer)}
}

// Models lists what the bundle has, in the order in which it was written.
func (b *Bundle) Models() []Model { return slices.Clone(b.models) }

// readIndex reads the two files at the top of a layout.
func readIndex(t host.Tree, dir string) (ocispec.Index, error) {
	var index ocispec.Index
	raw, err := readSmall(t, path.Join(dir, ocispec.ImageLayoutFile))
	if err != nil {
		return index, err
	}
	var about ocispec.ImageLayout
	if err := json.Unmarshal(raw, &about); err != nil || about.Version != ocispec.ImageLayoutVersion {
		return index, fmt.Errorf("%s is no OCI image layout of version %s", dir, ocispec.ImageLayoutVersion)
	}
	raw, err = readSmall(t, path.Join(dir, ocispec.ImageIndexFile))
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return index, fmt.Errorf("cannot read %s: it is damaged: remove it and make the bundle again: %w", path.Join(dir, ocispec.ImageIndexFile), err)
	}
	return index, nil
}

func readManifest(t host.Tree, dir string, desc ocispec.Descriptor) (held, error) {
	h := held{desc: desc}
	if _, err := registry.SHA256(desc.Digest); err != nil {
		return h, fmt.Errorf("the index of %s names a manifest that is none: %w", dir, err)
	}
	name := blobPath(dir, desc.Digest)
	raw, err := readSmall(t, name)
	if err != nil {
		return h, fmt.Errorf("the bundle is not complete: make it again: %w", err)
	}
	if digest.FromBytes(raw) != desc.Digest {
		return h, fmt.Errorf("%s is damaged: make the bundle again", name)
	}
	h.raw = raw
	if err := json.Unmarshal(raw, &h.manifest); err != nil {
		return h, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return h, nil
}

// readSmall reads a file, but not one so large that it cannot be what it should be.
func readSmall(t host.Tree, name string) ([]byte, error) {
	info, err := t.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size > registry.MaxManifest {
		return nil, fmt.Errorf("%s is larger than 4 MiB: it is not part of a bundle", name)
	}
	return t.ReadFile(name)
}

// blobPath is where the content with a digest lies. The digest must have been looked at.
func blobPath(dir string, d digest.Digest) string {
	return path.Join(dir, ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

func digestOf(sum [32]byte) digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(sum[:]))
}
