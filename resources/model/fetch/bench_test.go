package fetch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// benchSize is 2 GiB, or what AGENT0_BENCH_MIB says.
func benchSize() int64 {
	mib := int64(2048)
	fmt.Sscan(os.Getenv("AGENT0_BENCH_MIB"), &mib)
	return mib << 20
}

// benchServer serves a file of pseudo-random content from the page cache.
func benchServer(b *testing.B) (url string, sum [32]byte, size int64) {
	b.Helper()
	size = benchSize()
	name := filepath.Join(b.TempDir(), "content")
	file, err := os.Create(name)
	check(b, err)
	h := sha256.New()
	piece := random(1, 16<<20)
	for left := size; left > 0; left -= int64(len(piece)) {
		piece[0]++
		_, err := io.MultiWriter(file, h).Write(piece[:min(left, int64(len(piece)))])
		check(b, err)
	}
	check(b, file.Sync())
	check(b, file.Close())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeFile(w, r, name)
	}))
	b.Cleanup(server.Close)
	return server.URL + "/content", [32]byte(h.Sum(nil)), size
}

func BenchmarkFetch(b *testing.B) {
	url, sum, size := benchServer(b)
	for _, connections := range []int{4, 1} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			b.SetBytes(size)
			m := newMachine(b)
			for b.Loop() {
				f := &Fetcher{Host: m.host, Connections: connections}
				got, err := f.Fetch(context.Background(), Want{SHA256: sum, Size: size, Sources: []Source{newRanged(url)}, Dir: "/models"})
				check(b, err)
				b.StopTimer()
				check(b, got.Partial.Discard())
				check(b, os.RemoveAll(filepath.Join(m.root, Dir)))
				b.StartTimer()
			}
		})
	}
}

// BenchmarkCopyAndHash is the least that has to be done: one connection, one loop, nothing written down.
func BenchmarkCopyAndHash(b *testing.B) {
	url, sum, size := benchServer(b)
	b.SetBytes(size)
	dir := b.TempDir()
	for b.Loop() {
		name := filepath.Join(dir, "copy")
		file, err := os.Create(name)
		check(b, err)
		resp, err := newRanged(url).client.Get(url)
		check(b, err)
		h, buf := sha256.New(), make([]byte, 1<<20)
		for {
			n, err := io.ReadFull(resp.Body, buf)
			h.Write(buf[:n])
			_, writeErr := file.Write(buf[:n])
			check(b, writeErr)
			if err != nil {
				break
			}
		}
		if [32]byte(h.Sum(nil)) != sum {
			b.Fatal("the copy is another")
		}
		b.StopTimer()
		resp.Body.Close()
		check(b, file.Close())
		check(b, os.Remove(name))
		b.StartTimer()
	}
}
