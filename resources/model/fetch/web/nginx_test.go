package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/daemon"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// nginx starts one of the test's own, with all that it writes in a folder of the test's. It returns the host and port, and
// the folder that it serves.
func nginx(t *testing.T) (host, root string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "htpasswd"), []byte("me:{PLAIN}secret-word\n"))
	d, host, err := daemon.Nginx(dir, `
		location /slow/ { limit_rate 256k; alias files/; }
		location /private/ { auth_basic models; auth_basic_user_file htpasswd; alias files/; }
		location /old/ { return 302 /$arg_to; }`)
	if errors.Is(err, exec.ErrNotFound) {
		t.Skipf("needs nginx: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return host, filepath.Join(dir, "files")
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNginxHasRanges(t *testing.T) {
	host, root := nginx(t)
	write(t, filepath.Join(root, "chat.gguf"), file)
	write(t, filepath.Join(root, "empty.gguf"), nil)
	c := client(t, web.Options{})
	size := int64(len(file))
	for _, path := range []string{"/chat.gguf", "/old/?to=chat.gguf"} {
		src := source(t, c, "http://"+host+path)
		_, first, err := read(src, 0, -1, "")
		if err != nil || first.Version == "" || !first.Ranges || first.Size != size {
			t.Fatalf("%s: %+v, %v", path, first, err)
		}
		for _, r := range [][2]int64{{0, -1}, {0, 10}, {1 << 20, 1 << 20}, {size - 1, 1}, {size - 1, 100}, {7, -1}, {size, -1}} {
			got, b, err := read(src, r[0], r[1], first.Version)
			want := file[r[0]:]
			if r[1] >= 0 {
				want = want[:min(r[1], int64(len(want)))]
			}
			if err != nil || !bytes.Equal(got, want) || b.Offset != r[0] || b.Size != size || b.Version != first.Version || !b.Ranges {
				t.Errorf("%s %v: %d bytes, %+v, %v", path, r, len(got), b, err)
			}
		}
	}
	_, _, err := read(source(t, c, "http://"+host+"/chat.gguf"), size+1, -1, "")
	refused(t, err, fmt.Sprintf("the file has %d bytes", size))
	_, _, err = read(source(t, c, "http://"+host+"/none.gguf"), 0, -1, "")
	refused(t, err, "404 Not Found: there is no such file")
	got, b, err := read(source(t, c, "http://"+host+"/empty.gguf"), 0, 1<<20, "")
	if err != nil || len(got) != 0 || b.Size != 0 {
		t.Errorf("an empty file: %d bytes, %+v, %v", len(got), b, err)
	}
}

func TestNginxHasAnotherVersion(t *testing.T) {
	host, root := nginx(t)
	path := filepath.Join(root, "chat.gguf")
	write(t, path, file)
	src := source(t, client(t, web.Options{}), "http://"+host+"/chat.gguf")
	_, first, err := read(src, 0, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.ToUpper(file[:len(file)-5])
	write(t, path, other)
	got, b, err := read(src, 1<<20, 1<<20, first.Version)
	if err != nil || b.Offset != 0 || b.Version == first.Version || !b.Ranges || !bytes.Equal(got, other) {
		t.Errorf("%d bytes, %+v, %v", len(got), b, err)
	}
}

func TestNginxIsSlow(t *testing.T) {
	host, root := nginx(t)
	write(t, filepath.Join(root, "chat.gguf"), file)
	src := source(t, client(t, web.Options{}), "http://"+host+"/slow/chat.gguf")
	got, _, err := read(src, 1<<20, 300<<10, "")
	if err != nil || !bytes.Equal(got, file[1<<20:1<<20+300<<10]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// All of it takes ten seconds, but nobody waits for that who has enough.
	ctx, cancel := context.WithCancel(context.Background())
	b, err := src.Open(ctx, 0, -1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := io.ReadFull(b, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := io.Copy(io.Discard, b); err != context.Canceled || n > int64(len(file))/2 {
		t.Errorf("%d more bytes, %v", n, err)
	}
}

func TestNginxWantsAPassword(t *testing.T) {
	host, root := nginx(t)
	write(t, filepath.Join(root, "chat.gguf"), file)
	url := "http://" + host + "/private/chat.gguf"
	for _, c := range []struct {
		url, token, word string
	}{
		{url, "", "401 Authorization Required"},
		{url, "me:wrong-word", "it was sent the user name and password"},
		{url, "me:secret-word", ""},
		{strings.Replace(url, "//", "//me:secret-word@", 1), "", ""},
	} {
		var o web.Options
		if c.token != "" {
			o.Tokens = map[string]string{host: c.token}
		}
		got, _, err := read(source(t, client(t, o), c.url), 5, 5, "")
		if c.word == "" {
			if err != nil || !bytes.Equal(got, file[5:10]) {
				t.Errorf("%+v: %q, %v", c, got, err)
			}
			continue
		}
		refused(t, err, c.word)
		silent(t, err, "wrong-word")
	}
}
