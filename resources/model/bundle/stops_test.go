package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Stopped before any change of the medium, what was there before is whole, or what is new is; done again it arrives,
// and nothing is left over.
func TestStoppedAnywhere(t *testing.T) {
	small, large := newFile("small", "small.gguf", 1000), newFile("large", "large.gguf", 600<<10) // three writes
	stopped := errors.New("the power went")
	for _, before := range [][]file{nil, {small}} {
		points, hit := 0, 0
		for stop := 1; ; stop++ {
			dir := filepath.Join(t.TempDir(), "stick")
			if before != nil {
				check(t, create(t, onHost(t, host.Options{}), dir, before...))
			}
			n := 0
			h := onHost(t, host.Options{Watch: func(host.Op) error {
				if n++; n >= stop {
					return stopped
				}
				return nil
			}})
			err := create(t, h, dir, small, large)
			if err == nil {
				points = n
				break
			}
			if !errors.Is(err, stopped) {
				t.Fatalf("stopped before change %d: %v", stop, err)
			}
			hit++
			after := onHost(t, host.Options{})
			wholeOr(t, after, dir, before, []file{small, large})
			check(t, create(t, after, dir, small, large))
			holds(t, after, dir, small, large)
			if left := leftovers(t, dir); left != nil {
				t.Errorf("stopped before change %d, it left %v", stop, left)
			}
		}
		t.Logf("with %d models there before: %d changes, stopped before %d", len(before), points, hit)
		if points < 20 || hit != points {
			t.Errorf("stopped before %d of %d changes", hit, points)
		}
	}
}

// wholeOr says that a bundle holds what it held before, or already what is new.
func wholeOr(t *testing.T, h *host.Host, dir string, before, after []file) {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if before != nil {
			t.Error("the bundle is gone")
		}
	case err != nil:
		t.Error(err)
	case strings.Contains(string(index), manifestDigest(t, after)):
		holds(t, h, dir, after...)
	default:
		holds(t, h, dir, before...)
	}
}

// manifestDigest is that of the manifest of a bundle with these models.
func manifestDigest(t *testing.T, files []file) string {
	t.Helper()
	dir := t.TempDir()
	check(t, create(t, onHost(t, host.Options{}), dir, files...))
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	check(t, err)
	_, rest, _ := strings.Cut(string(index), `"digest": "`)
	digest, _, _ := strings.Cut(rest, `"`)
	return digest
}
