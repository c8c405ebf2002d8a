package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// writer makes a bundle in a folder.
type writer struct {
	files *host.Files
	dir   string
	tell  func(done, total int64)
	done  int64
	total int64
}

// Create makes the folder dir a bundle of models, or adds to one that is there so that it has these, and no others.
// open returns the file of a model and how long it is; it is closed. tell, which may be nil, is told often how many
// of the bytes that have to be copied were.
//
// A model that is there in full length is taken to be right: Verify reads it. One whose content is not its SHA-256
// is not added. Whatever ends Create, a bundle that was there before is whole, and calling it again goes on. What the
// bundle had and has no more stays on the medium until Prune.
func Create(ctx context.Context, files *host.Files, dir string, models []Model,
	open func(Model) (io.ReadCloser, int64, error), tell func(done, total int64)) error {
	models, err := measured(models, open)
	if err != nil {
		return err
	}
	manifest, raw, err := describe(models)
	if err != nil {
		return err
	}
	w := &writer{files: files, dir: dir, tell: tell}
	return w.write(ctx, models, manifest, raw, func(m Model) (io.ReadCloser, error) {
		r, _, err := open(m)
		return r, err
	})
}

// measured returns models with their sizes.
func measured(models []Model, open func(Model) (io.ReadCloser, int64, error)) ([]Model, error) {
	out := make([]Model, len(models))
	for i, m := range models {
		r, size, err := open(m)
		if err != nil {
			return nil, fmt.Errorf("cannot add %s: %w", m, err)
		}
		r.Close() // only its length was asked for
		if m.Size > 0 && m.Size != size {
			return nil, fmt.Errorf("cannot add %s: its file has %d bytes, not %d", m, size, m.Size)
		}
		out[i], out[i].Size = m, size
	}
	return out, nil
}

// describe writes the manifest. It has no time in it, so that the same models are the same manifest.
func describe(models []Model) (ocispec.Descriptor, []byte, error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: ArtifactType, Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{},
	}
	titles := map[string]bool{}
	for _, model := range models {
		m.Layers = append(m.Layers, layerOf(model, titles))
	}
	raw, err := json.Marshal(m)
	if err == nil && len(raw) > registry.MaxManifest {
		err = fmt.Errorf("cannot make a bundle of %d models: its manifest would be larger than 4 MiB", len(models))
	}
	desc := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType, Digest: digest.FromBytes(raw), Size: int64(len(raw)),
	}
	return desc, raw, err
}

// layerOf describes one model. oras writes each layer to a file of its title, so that no two may have the same.
func layerOf(m Model, titles map[string]bool) ocispec.Descriptor {
	layer := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digestOf(m.SHA256), Size: m.Size, Annotations: map[string]string{}}
	if m.Name != "" {
		layer.Annotations[nameKey] = m.Name
	}
	title := m.File
	if titles[title] {
		title = layer.Digest.Encoded()[:12] + "-" + title
	}
	if title != "" {
		layer.Annotations[ocispec.AnnotationTitle] = title
		titles[title] = true
	}
	if registry.IsModel(layer) {
		layer.MediaType = registry.MediaTypeGGUF
	}
	return layer
}

// write brings the bundle to what the manifest says, the index last.
func (w *writer) write(ctx context.Context, models []Model, manifest ocispec.Descriptor, raw []byte, open func(Model) (io.ReadCloser, error)) error {
	index, err := w.indexWith(manifest)
	if err != nil {
		return err
	}
	if err := w.files.MkdirAll(path.Join(w.dir, ocispec.ImageBlobsDir, digest.SHA256.String()), folderMode); err != nil {
		return w.inWords(err)
	}
	missing, err := w.missing(models)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := w.copy(ctx, m, open); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	empty := ocispec.DescriptorEmptyJSON
	about, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{blobPath(w.dir, empty.Digest), empty.Data},
		{blobPath(w.dir, manifest.Digest), raw},
		{path.Join(w.dir, ocispec.ImageLayoutFile), about},
		{path.Join(w.dir, ocispec.ImageIndexFile), index},
	} {
		if err := w.small(file.name, file.content); err != nil {
			return err
		}
	}
	return nil
}

// indexWith is the index with this manifest in place of an earlier one of ours. What others have put into the
// layout stays in it.
func (w *writer) indexWith(manifest ocispec.Descriptor) ([]byte, error) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	have, err := readIndex(w.files.Tree, w.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	manifest.Annotations = map[string]string{ocispec.AnnotationRefName: Ref}
	index.Annotations = have.Annotations
	for _, m := range have.Manifests {
		if m.ArtifactType != ArtifactType && m.Annotations[ocispec.AnnotationRefName] != Ref {
			index.Manifests = append(index.Manifests, m)
		}
	}
	index.Manifests = append(index.Manifests, manifest)
	return json.MarshalIndent(index, "", "  ")
}

// small writes a file that differs.
func (w *writer) small(name string, content []byte) error {
	have, err := readSmall(w.files.Tree, name)
	if err == nil && bytes.Equal(have, content) {
		// Perhaps a run that was stopped published it without making that durable.
		return w.inWords(w.files.Sync(name))
	}
	return w.inWords(w.files.Write(name, content, attr()))
}

func attr() host.Attr { return host.Attr{Mode: fileMode, UID: -1, GID: -1} }
