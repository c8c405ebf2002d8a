package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// Push brings blobs, of which open returns the content, and then a manifest that names them to where ref says.
// What the registry has already is not sent again. ref has a tag, or nothing for "latest".
func (c *Client) Push(ctx context.Context, ref string, manifest ocispec.Descriptor, raw []byte, blobs []ocispec.Descriptor,
	open func(ocispec.Descriptor) (io.ReadCloser, error)) error {
	r, err := parse(ref)
	if err != nil {
		return err
	}
	repo := &remote.Repository{Client: c.auth, Reference: r.Reference, PlainHTTP: r.plain()}
	for _, b := range blobs {
		if err := pushBlob(ctx, repo, b, open); err != nil {
			return c.pushError(ctx, r, b.Digest.String(), err)
		}
	}
	if err := repo.PushReference(ctx, manifest, bytes.NewReader(raw), r.ReferenceOrDefault()); err != nil {
		return c.pushError(ctx, r, "the manifest", err)
	}
	return nil
}

func pushBlob(ctx context.Context, repo *remote.Repository, b ocispec.Descriptor, open func(ocispec.Descriptor) (io.ReadCloser, error)) error {
	// As a blob, whatever its media type: what is a manifest to oras-go is asked for elsewhere.
	there, err := repo.Blobs().Exists(ctx, b)
	if there || err != nil {
		return err
	}
	content, err := open(b)
	if err != nil {
		return &ownError{err}
	}
	defer content.Close()
	return repo.Blobs().Push(ctx, b, own{content})
}

func (c *Client) pushError(ctx context.Context, r reference, what string, err error) error {
	if e, ok := errors.AsType[*ownError](err); ok {
		return fmt.Errorf("cannot read %s for %s: %w", what, r.text, e.err)
	}
	return fmt.Errorf("cannot push %s: %w", what, c.failed(ctx, r, err))
}

// own is content of this side, so that its errors are not taken for those of the registry.
type own struct{ io.Reader }

// Read marks what goes wrong.
func (o own) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &ownError{err}
	}
	return n, err
}

type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }
