package fetch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// anonymous is how much memory the process has of its own, without the pages of files, in bytes.
func anonymous(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	check(t, err)
	_, rest, ok := strings.Cut(string(b), "RssAnon:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); !ok || err != nil {
		t.Fatalf("cannot read RssAnon: %v", err)
	}
	return kib << 10
}

// generated is a file that is made while it is sent.
type generated struct{ size int64 }

func (g *generated) String() string { return "generated" }

func (g *generated) Open(_ context.Context, off, length int64, _ string) (*Body, error) {
	if length < 0 {
		length = g.size - off
	}
	return &Body{ReadCloser: io.NopCloser(&counting{off, off + length}), Offset: off, Size: g.size, Version: "1", Ranges: true}, nil
}

func (g *generated) sum() [32]byte {
	h := sha256.New()
	io.CopyBuffer(struct{ io.Writer }{h}, &counting{0, g.size}, make([]byte, 1<<20))
	return [32]byte(h.Sum(nil))
}

// counting has in each byte what its offset says.
type counting struct{ at, end int64 }

func (c *counting) Read(p []byte) (int, error) {
	if c.at == c.end {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), c.end-c.at))
	for i := range p[:n] {
		p[i] = byte(c.at>>16) ^ byte(c.at)
		c.at++
	}
	return n, nil
}
