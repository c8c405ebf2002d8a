package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// TestOverHTTP fetches from a server of Go's library that breaks connections, with the source that plans use.
func TestOverHTTP(t *testing.T) {
	content := make([]byte, 20<<20+77)
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(dice.Uint32())
	}
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if requests.Add(1)%3 == 0 {
			w = &breaking{w, 700_000}
		}
		http.ServeContent(w, r, "m.gguf", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "models"), 0o755))
	h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}})
	check(t, err)
	defer h.Close()
	client, err := web.NewClient(web.Options{UserAgent: "test"})
	check(t, err)
	source, err := client.Source(server.URL + "/m.gguf")
	check(t, err)
	f := fetch.Fetcher{Host: h, Segment: 2 << 20, Block: 128 << 10}
	got, err := f.Fetch(context.Background(), fetch.Want{SHA256: sha256.Sum256(content), Sources: []fetch.Source{source}, Dir: "/models"})
	check(t, err)
	check(t, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
	b, err := os.ReadFile(filepath.Join(root, "models/m.gguf"))
	check(t, err)
	if !bytes.Equal(b, content) || got.Got != int64(len(content)) || requests.Load() < 11 {
		t.Errorf("%d bytes, got %d of %d, %d requests", len(b), got.Got, len(content), requests.Load())
	}
}

// breaking ends the connection after so many bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
