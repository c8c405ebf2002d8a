package host_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// TestLooksUpAsChrootDoes makes random trees full of links and compares what a rooted
// tree finds with what a thread finds that really has the root as "/".
func TestLooksUpAsChrootDoes(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		outside, err := os.Open("/")
		check(t, err)
		defer outside.Close()
		rapid.Check(t, func(rt *rapid.T) {
			root, err := os.MkdirTemp(t.TempDir(), "")
			if err != nil {
				rt.Fatal(err)
			}
			defer os.RemoveAll(root)
			h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}})
			if err != nil {
				rt.Fatal(err)
			}
			defer h.Close()
			entries := drawEntries(rt)
			// The tree is made inside too: a link must not lead its maker astray either.
			if err := errors.Join(unix.Chroot(root), os.Chdir("/")); err != nil {
				rt.Fatal(err)
			}
			paths := makeTree(entries)
			want := lookUp(paths, os.ReadFile)
			if err := errors.Join(outside.Chdir(), unix.Chroot(".")); err != nil {
				rt.Fatal(err)
			}
			if got := lookUp(paths, h.Files.ReadFile); got != want {
				rt.Fatalf("rooted:\n%s\nchroot:\n%s", got, want)
			}
		})
	})
}

// entry is one thing in a random tree.
type entry struct {
	path, target string
	kind         int
}

func drawEntries(rt *rapid.T) []entry {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	part := rapid.SampledFrom([]string{"a", "b", "c", "..", "."})
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) entry {
		return entry{
			path: "/" + strings.Join(rapid.SliceOfN(name, 1, 3).Draw(rt, "path"), "/"),
			target: rapid.SampledFrom([]string{"", "/"}).Draw(rt, "absolute") +
				strings.Join(rapid.SliceOfN(part, 1, 4).Draw(rt, "target"), "/"),
			kind: rapid.IntRange(0, 2).Draw(rt, "kind"),
		}
	}), 1, 12).Draw(rt, "entries")
}

// makeTree makes what can be made: that a parent is missing or a loop is a case too.
func makeTree(entries []entry) (paths []string) {
	for _, e := range entries {
		switch e.kind {
		case 0:
			_ = os.MkdirAll(path.Dir(e.path), 0o755)
			_ = os.Mkdir(e.path, 0o755)
		case 1:
			_ = os.WriteFile(e.path, []byte(e.path), 0o600)
		case 2:
			_ = os.Symlink(e.target, e.path)
		}
		paths = append(paths, e.path, e.path+"/a/b")
	}
	return paths
}

func lookUp(paths []string, read func(string) ([]byte, error)) string {
	text := ""
	for _, p := range paths {
		b, err := read(p)
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err
		}
		text += fmt.Sprintf("%s %q %v\n", p, b, err)
	}
	return text
}
