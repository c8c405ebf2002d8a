package bundle_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// serveBundle is a registry that serves the bundle in a folder; change may do something else for a request.
func serveBundle(t *testing.T, dir string, change func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	_, manifest, _ := strings.Cut(index(t, dir), `"digest": "sha256:`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil && change(w, r) {
			return
		}
		name := strings.TrimPrefix(path.Base(r.URL.Path), "sha256:")
		w.Header().Set("Content-Type", "application/octet-stream")
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			name = manifest[:64]
		}
		http.ServeFile(w, r, filepath.Join(dir, "blobs", "sha256", name))
	}))
	t.Cleanup(s.Close)
	return "oci://" + strings.TrimPrefix(s.URL, "http://") + "/models/all"
}

// A connection that breaks in the middle, and a registry that is busy, cost a pull nothing but time.
func TestPullGoesOn(t *testing.T) {
	from, to, h := t.TempDir(), t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, from, chat, embed))
	var times, sent atomic.Int64
	ref := serveBundle(t, from, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, fmt.Sprintf("%x", chat.SHA256)) {
			return false
		}
		switch times.Add(1) {
		case 1:
			w.Header().Set("Content-Length", fmt.Sprint(chat.Size))
			n, _ := w.Write(chat.content[:1<<20])
			sent.Add(int64(n))
			panic(http.ErrAbortHandler)
		case 2:
			if r.Header.Get("Range") == "" {
				t.Error("it asks for all again")
			}
		}
		return false
	})
	check(t, bundle.Pull(t.Context(), h.Files, to, client(t, registry.Options{}), ref, nil))
	holds(t, h, to, chat, embed)
	if times.Load() != 2 || sent.Load() != 1<<20 {
		t.Errorf("asked %d times for a model, of which the connection broke once", times.Load())
	}
}

// A registry that sends something else is found out, and none of it is taken.
func TestPullOfWrongBytes(t *testing.T) {
	from, to, h := t.TempDir(), t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, from, chat, embed))
	wrong := append([]byte{}, embed.content...)
	wrong[5] ^= 1
	check(t, os.WriteFile(blobFile(from, embed.Model), wrong, 0o644))
	ref := serveBundle(t, from, nil)
	failsWith(t, bundle.Pull(t.Context(), h.Files, to, client(t, registry.Options{}), ref, nil), "cannot add embed (embed.gguf)", "the SHA-256 of its file is")
	if _, err := bundle.Open(h.Files.Tree, to); err == nil {
		t.Error("it is a bundle all the same")
	}
	check(t, os.WriteFile(blobFile(from, embed.Model), embed.content, 0o644))
	check(t, bundle.Pull(t.Context(), h.Files, to, client(t, registry.Options{}), ref, nil))
	holds(t, h, to, chat, embed)
}

func TestPushOfAMissingFile(t *testing.T) {
	dir, h := t.TempDir(), onHost(t, host.Options{})
	check(t, create(t, h, dir, chat))
	b := opened(t, h, dir)
	check(t, os.Remove(blobFile(dir, chat.Model)))
	d := startRegistry(t, "127.0.0.1", "", "")
	failsWith(t, b.Push(t.Context(), client(t, registry.Options{}), d.ref("all")), "cannot read sha256:", "no such file")
}
