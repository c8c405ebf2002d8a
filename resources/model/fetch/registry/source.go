package registry

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// source is one model in a registry.
type source struct {
	c   *Client
	ref reference

	mu   sync.Mutex
	blob string // "sha256:…", "" before it is known
}

// Source returns the model that ref names: oci://registry/repository, with :tag or @sha256:digest of a manifest or
// neither. A model of which the sha256 is known is asked for by that, whatever the tag says by now. All zero, it
// is the one model of the manifest, as it is when the source is opened first.
func (c *Client) Source(ref string, sha256 [32]byte) (fetch.Source, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, err
	}
	s := &source{c: c, ref: r}
	if sha256 != [32]byte{} {
		s.blob = "sha256:" + hex.EncodeToString(sha256[:])
	}
	return s, nil
}

func (s *source) String() string { return s.ref.text }

// Open asks for bytes of the blob. Its digest is its version: a tag that has moved on since is told by it.
func (s *source) Open(ctx context.Context, off, length int64, same string) (*fetch.Body, error) {
	blob, err := s.digest(ctx)
	if err != nil {
		return nil, err
	}
	if same != "" && same != blob {
		off, length = 0, -1
	}
	header := http.Header{}
	if off > 0 || length >= 0 {
		header.Set("Range", byteRange(off, length))
	}
	resp, err := s.c.get(ctx, s.ref, s.ref.url("blobs", blob), header)
	if err != nil {
		return nil, err
	}
	body, err := s.body(resp, off, length)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	body.Version = blob
	return body, nil
}

// digest is the name of the blob. Several segments that are opened at once ask for it once.
func (s *source) digest(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blob == "" {
		found, err := s.c.resolve(ctx, s.ref)
		if err != nil {
			return "", err
		}
		s.blob = "sha256:" + hex.EncodeToString(found.SHA256[:])
	}
	return s.blob, nil
}

func byteRange(off, length int64) string {
	if length < 0 {
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, off+length-1)
}

func (s *source) refused(format string, args ...any) error {
	return &fetch.RefusedError{Source: s.ref.text, Why: fmt.Sprintf(format, args...)}
}

// body makes of a good answer what it holds.
func (s *source) body(resp *http.Response, off, length int64) (*fetch.Body, error) {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, s.refused("it sends the blob in the encoding %q, which nobody asked for", enc)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return nil, s.refused("%s sends an HTML page, not a blob: a login page, or a proxy's?", resp.Request.URL.Host)
	}
	if resp.StatusCode == http.StatusOK {
		// One that was asked for a part and sends all does not know how, whatever it says.
		asked := off > 0 || length >= 0
		return &fetch.Body{
			ReadCloser: resp.Body, Size: resp.ContentLength,
			Ranges: !asked && resp.Header.Get("Accept-Ranges") == "bytes" && resp.ContentLength >= 0,
		}, nil
	}
	part := resp.Header.Get("Content-Range")
	c, ok := web.ParseContentRange(part)
	if !ok {
		return nil, s.refused("it sends a part of the blob and says %q of which", part)
	}
	if c.First != off || length >= 0 && c.Last > off+length-1 {
		return nil, s.refused("asked for %s it sends %q", byteRange(off, length), part)
	}
	want := c.Last - c.First + 1
	if c.Size >= 0 { // to the end, even if it says that it stops before
		want = c.Size - c.First
	}
	if length >= 0 {
		want = min(want, length)
	}
	return &fetch.Body{ReadCloser: &exact{body: resp.Body, left: want}, Offset: off, Size: c.Size, Ranges: true}, nil
}

// get asks for something in a repository, and returns an answer with status 200 or 206.
func (c *Client) get(ctx context.Context, ref reference, url string, header http.Header) (*http.Response, error) {
	ctx = auth.AppendRepositoryScope(ctx, ref.Reference, auth.ActionPull)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for %s: %w", ref.text, err)
	}
	req.Header = header
	resp, err := c.auth.Do(req)
	if err != nil {
		return nil, c.failed(ctx, ref, err)
	}
	if s := resp.StatusCode; s == http.StatusOK || s == http.StatusPartialContent && header.Get("Range") != "" {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.denied(ref, answerOf(resp, header.Get("Range")))
}
