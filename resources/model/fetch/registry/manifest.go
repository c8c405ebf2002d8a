package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// MaxManifest is how large a manifest may be in bytes: registries take no larger ones
// (OCI distribution specification 1.1, "Pushing Manifests").
const MaxManifest = 4 << 20

// dockerManifest is the media type of manifests before those of OCI, with layers like theirs.
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

// MediaTypeGGUF is what a layer that is a GGUF file is marked with.
const MediaTypeGGUF = "application/vnd.gguf"

// Found is the one model that a manifest has.
type Found struct {
	SHA256 [32]byte
	Size   int64
	// File is what the file was called, "" where the manifest does not say.
	File string
	// Manifest is its digest, "sha256:…".
	Manifest string
}

// Resolve tells which model an address names now, by its manifest. It fetches nothing else.
func (c *Client) Resolve(ctx context.Context, ref string) (Found, error) {
	r, err := parse(ref)
	if err != nil {
		return Found{}, err
	}
	return c.resolve(ctx, r)
}

func (c *Client) resolve(ctx context.Context, r reference) (Found, error) {
	raw, desc, err := c.manifest(ctx, r)
	if err != nil {
		return Found{}, err
	}
	refused := func(format string, args ...any) error {
		return &fetch.RefusedError{Source: r.text, Why: fmt.Sprintf(format, args...)}
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return Found{}, refused("its manifest cannot be read: %v", err)
	}
	var models []ocispec.Descriptor
	var names []string
	for _, l := range m.Layers {
		if IsModel(l) {
			models = append(models, l)
			names = append(names, oneLine(l.Annotations[ocispec.AnnotationTitle])+" "+oneLine(l.Digest.String()))
		}
	}
	switch {
	case len(models) == 0:
		return Found{}, refused("its manifest has no model: no layer is a GGUF file by its media type or its title")
	case len(models) > 1:
		return Found{}, refused("its manifest has %d models: say which by its sha256: %s", len(models), strings.Join(names, ", "))
	}
	found := Found{Size: models[0].Size, File: FileName(models[0]), Manifest: desc.Digest.String()}
	if found.SHA256, err = SHA256(models[0].Digest); err != nil {
		return Found{}, refused("%v", err)
	}
	return found, nil
}

// IsModel says that a layer is a model: by its media type, also those that others use for GGUF files, or by
// the name that its file had.
func IsModel(layer ocispec.Descriptor) bool {
	switch t := layer.MediaType; {
	case t == MediaTypeGGUF,
		strings.HasPrefix(t, "application/vnd.docker.ai.gguf."), // Docker Model Runner
		t == "application/vnd.ollama.image.model":
		return true
	}
	return strings.EqualFold(path.Ext(layer.Annotations[ocispec.AnnotationTitle]), ".gguf")
}

// FileName is what a layer's file was called, without any folders; "" where that is not told, or is no name.
func FileName(layer ocispec.Descriptor) string {
	name := path.Base(path.Clean("/" + strings.ReplaceAll(layer.Annotations[ocispec.AnnotationTitle], `\`, "/")))
	if name == "/" || oneLine(name) != name {
		return ""
	}
	return name
}

// SHA256 returns a digest as bytes; one of another algorithm is an error.
func SHA256(d digest.Digest) ([32]byte, error) {
	var sum [32]byte
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return sum, fmt.Errorf("%q is no sha256", oneLine(d.String()))
	}
	_, err := hex.Decode(sum[:], []byte(d.Encoded()))
	return sum, err
}

// Manifest returns the manifest that an address names, and what it is. One that is named by its digest is
// compared with that.
func (c *Client) Manifest(ctx context.Context, ref string) ([]byte, ocispec.Descriptor, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, ocispec.Descriptor{}, err
	}
	return c.manifest(ctx, r)
}

func (c *Client) manifest(ctx context.Context, r reference) ([]byte, ocispec.Descriptor, error) {
	accept := http.Header{"Accept": {ocispec.MediaTypeImageManifest, dockerManifest}}
	resp, err := c.get(ctx, r, r.url("manifests", r.ReferenceOrDefault()), accept)
	if err != nil {
		return nil, ocispec.Descriptor{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	if err != nil {
		return nil, ocispec.Descriptor{}, c.failed(ctx, r, fmt.Errorf("cannot read the manifest: %w", err))
	}
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	refused := func(why string) error { return &fetch.RefusedError{Source: r.text, Why: why} }
	switch {
	case len(raw) > MaxManifest:
		return nil, desc, refused("its manifest is larger than 4 MiB")
	case strings.Contains(r.Reference.Reference, ":") && desc.Digest.String() != r.Reference.Reference:
		return nil, desc, refused("its manifest is not the one that was asked for, but " + desc.Digest.String())
	case mediaType != ocispec.MediaTypeImageManifest && mediaType != dockerManifest:
		return nil, desc, refused(fmt.Sprintf("it is no manifest with layers, but %q", oneLine(mediaType)))
	}
	return raw, desc, nil
}
