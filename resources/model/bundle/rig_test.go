package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// file is a model on the machine that makes a bundle.
type file struct {
	bundle.Model
	content []byte
}

// newFile makes a model of size bytes, always the same for a name.
func newFile(name, base string, size int) file {
	seed := sha256.Sum256([]byte(name))
	content := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(content) // it never fails
	return file{bundle.Model{Name: name, SHA256: sha256.Sum256(content), Size: int64(size), File: base}, content}
}

func models(files ...file) []bundle.Model {
	var out []bundle.Model
	for _, f := range files {
		out = append(out, f.Model)
	}
	return out
}

// opener opens files, and remembers which.
type opener struct {
	files []file
	read  map[string]bool // by name: those of which something was read
}

func (o *opener) open(m bundle.Model) (io.ReadCloser, int64, error) {
	for _, f := range o.files {
		if f.Name == m.Name {
			return io.NopCloser(&noting{bytes.NewReader(f.content), o, f.Name}), int64(len(f.content)), nil
		}
	}
	return nil, 0, os.ErrNotExist
}

type noting struct {
	io.Reader
	o    *opener
	name string
}

func (n *noting) Read(p []byte) (int, error) {
	if n.o.read == nil {
		n.o.read = map[string]bool{}
	}
	n.o.read[n.name] = true
	return n.Reader.Read(p)
}

func create(t *testing.T, h *host.Host, dir string, files ...file) error {
	t.Helper()
	o := &opener{files: files}
	return bundle.Create(t.Context(), h.Files, dir, models(files...), o.open, nil)
}

func onHost(t *testing.T, o host.Options) *host.Host {
	t.Helper()
	h, err := host.Open(o)
	check(t, err)
	t.Cleanup(func() { check(t, h.Close()) })
	return h
}

func opened(t *testing.T, h *host.Host, dir string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(h.Files.Tree, dir)
	check(t, err)
	return b
}

// holds says that a bundle has these models and no others, whole.
func holds(t *testing.T, h *host.Host, dir string, files ...file) {
	t.Helper()
	b := opened(t, h, dir)
	check(t, b.Verify(t.Context(), nil))
	if got, want := b.Models(), models(files...); len(got) != len(want) {
		t.Fatalf("it has %v, not %v", got, want)
	}
	for i, m := range b.Models() {
		if m != files[i].Model {
			t.Errorf("model %d is %+v, not %+v", i, m, files[i].Model)
		}
		s, ok := b.Source(m.SHA256)
		if !ok {
			t.Fatalf("there is no source for %s", m)
		}
		if _, got := get(t, s, 0, -1, ""); !bytes.Equal(got, files[i].content) {
			t.Errorf("%s has other content", m)
		}
	}
}

func get(t *testing.T, s fetch.Source, off, length int64, same string) (*fetch.Body, []byte) {
	t.Helper()
	body, err := s.Open(t.Context(), off, length, same)
	check(t, err)
	defer body.Close()
	b, err := io.ReadAll(body)
	check(t, err)
	return body, b
}

func blobFile(dir string, m bundle.Model) string {
	return filepath.Join(dir, "blobs", "sha256", hex.EncodeToString(m.SHA256[:]))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func failsWith(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it works; it should not, and say %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

// leftovers are the files of a bundle's folder that were not finished.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", ".*"))
	check(t, err)
	top, err := filepath.Glob(filepath.Join(dir, ".*"))
	check(t, err)
	return append(found, top...)
}

// zero is a file of nothing but zeros.
type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// zeros is a model of nothing but zeros.
func zeros(size int64) bundle.Model {
	sum := sha256.New()
	_, _ = io.CopyN(sum, zero{}, size) // neither fails
	return bundle.Model{Name: "zeros", File: "zeros.gguf", Size: size, SHA256: [32]byte(sum.Sum(nil))}
}
