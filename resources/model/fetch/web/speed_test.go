package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// BenchmarkRead reads segments of 32 MiB from this machine into a buffer of 1 MiB, beside a bare connection.
func BenchmarkRead(b *testing.B) {
	const size, block = 32 << 20, 1 << 20
	s := serve(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		for range size / block {
			if _, err := w.Write(file[:block]); err != nil {
				return
			}
		}
	})
	buf := make([]byte, block)
	b.Run("source", func(b *testing.B) {
		src := source(b, client(b, web.Options{}), s.URL)
		b.SetBytes(size)
		for b.Loop() {
			body, err := src.Open(context.Background(), 0, -1, "")
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, buf); n != size || err != nil {
				b.Fatal(n, err)
			}
			body.Close()
		}
	})
	b.Run("connection", func(b *testing.B) {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		head := -1 // how long an answer is before its body
		b.SetBytes(size)
		for b.Loop() {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: here\r\n\r\n")
			for got := 0; head < 0 || got < head+size; {
				n, err := c.Read(buf)
				if err != nil {
					b.Fatal(err)
				}
				if got += n; head < 0 {
					head = headOf(buf[:n])
				}
			}
		}
	})
}

func headOf(b []byte) int {
	for i := 3; i < len(b); i++ {
		if string(b[i-3:i+1]) == "\r\n\r\n" {
			return i + 1
		}
	}
	return -1
}
