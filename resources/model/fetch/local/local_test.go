package local_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/local"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func machine(t *testing.T) (*host.Host, string) {
	t.Helper()
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "usb"), 0o755))
	check(t, os.Mkdir(filepath.Join(root, "models"), 0o755))
	h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}})
	check(t, err)
	t.Cleanup(func() { check(t, h.Close()) })
	return h, root
}

func TestParts(t *testing.T) {
	h, root := machine(t)
	check(t, os.WriteFile(filepath.Join(root, "usb/m.gguf"), []byte("0123456789"), 0o600))
	check(t, os.Symlink("/usb/m.gguf", filepath.Join(root, "usb/link")))
	for _, name := range []string{"/usb/m.gguf", "/usb/link"} {
		s := local.Source(h.Files.Tree, name)
		if s.String() != "file://"+name {
			t.Errorf("it is called %s", s)
		}
		var version string
		for _, c := range []struct {
			off, length int64
			same, want  string
			at          int64
		}{
			{0, -1, "", "0123456789", 0}, {3, -1, "", "3456789", 3}, {3, 4, "", "3456", 3}, {8, 100, "", "89", 8}, {10, -1, "", "", 10},
			{3, 4, "same", "3456", 3}, {3, 4, "another", "0123456789", 0},
		} {
			if c.same == "same" {
				c.same = version
			}
			body, err := s.Open(context.Background(), c.off, c.length, c.same)
			check(t, err)
			b, err := io.ReadAll(body)
			check(t, errors.Join(err, body.Close()))
			if string(b) != c.want || body.Offset != c.at || body.Size != 10 || !body.Ranges || body.Version == "" {
				t.Errorf("%+v: %q, %+v", c, b, body)
			}
			version = body.Version
		}
	}
}

func TestWhatIsNoFile(t *testing.T) {
	h, root := machine(t)
	check(t, os.WriteFile(filepath.Join(root, "usb/short"), []byte("123"), 0o600))
	for name, want := range map[string]string{
		"/usb/none": "no such file: is its disk mounted?", "/usb": "it is a directory", "/usb/short": "only 3 bytes", "/usb/short/x": "no such file",
	} {
		_, err := local.Source(h.Files.Tree, name).Open(context.Background(), 5, -1, "")
		var refused *fetch.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "file://"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersionIsAnotherAfterAChange(t *testing.T) {
	h, root := machine(t)
	name := filepath.Join(root, "usb/m")
	version := func() string {
		body, err := local.Source(h.Files.Tree, "/usb/m").Open(context.Background(), 0, -1, "")
		check(t, err)
		check(t, body.Close())
		return body.Version
	}
	check(t, os.WriteFile(name, []byte("one"), 0o600))
	before := version()
	if version() != before {
		t.Error("it is another for being read")
	}
	check(t, os.WriteFile(name+".new", []byte("two"), 0o600))
	check(t, os.Rename(name+".new", name))
	if version() == before {
		t.Error("another file has the same version")
	}
}

func TestEndsWithItsContext(t *testing.T) {
	h, root := machine(t)
	check(t, os.WriteFile(filepath.Join(root, "usb/m"), make([]byte, 100), 0o600))
	ctx, cancel := context.WithCancelCause(context.Background())
	body, err := local.Source(h.Files.Tree, "/usb/m").Open(ctx, 0, -1, "")
	check(t, err)
	defer body.Close()
	end := errors.New("the end")
	cancel(end)
	if _, err := body.Read(make([]byte, 10)); !errors.Is(err, end) {
		t.Errorf("got %v", err)
	}
}

func TestFetch(t *testing.T) {
	h, root := machine(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	check(t, os.WriteFile(filepath.Join(root, "usb/m.gguf"), content, 0o600))
	f := fetch.Fetcher{Host: h, Segment: 1 << 20}
	got, err := f.Fetch(context.Background(), fetch.Want{
		SHA256: sha256.Sum256(content), Sources: []fetch.Source{local.Source(h.Files.Tree, "/usb/m.gguf")}, Dir: "/models",
	})
	check(t, err)
	check(t, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
	b, err := os.ReadFile(filepath.Join(root, "models/m.gguf"))
	if !bytes.Equal(b, content) || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
