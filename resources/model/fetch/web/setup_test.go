package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// file is what the servers here have: long enough for any buffer on the way, and no two blocks alike.
var file = func() []byte {
	b := make([]byte, 3<<20+17)
	for i := range b {
		b[i] = byte(i ^ i>>8*7 ^ i>>16*31)
	}
	return b
}()

// serve starts a server that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// content serves the file as net/http does, with ranges, under an ETag.
func content(w http.ResponseWriter, r *http.Request, tag string) {
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}

// answer starts a server that sends the same bytes, as they are, to every request and hangs up.
func answer(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 64<<10)
			for n := 0; !bytes.Contains(buf[:n], []byte("\r\n\r\n")); {
				more, err := c.Read(buf[n:])
				if n += more; err != nil {
					break
				}
			}
			io.WriteString(c, text)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func client(t testing.TB, o web.Options) *web.Client {
	t.Helper()
	c, err := web.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func source(t testing.TB, c *web.Client, url string) fetch.Source {
	t.Helper()
	s, err := c.Source(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read gets bytes of a source, and the body that they came with, closed.
func read(s fetch.Source, off, length int64, same string) ([]byte, *fetch.Body, error) {
	b, err := s.Open(context.Background(), off, length, same)
	if err != nil {
		return nil, nil, err
	}
	got, err := io.ReadAll(b)
	return got, b, errors.Join(err, b.Close())
}

// get is read of all with a client without options.
func get(t *testing.T, url string) ([]byte, error) {
	t.Helper()
	got, _, err := read(source(t, client(t, web.Options{}), url), 0, -1, "")
	return got, err
}

// refused wants err to be a RefusedError that says every one of words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if _, ok := errors.AsType[*fetch.RefusedError](err); !ok {
		t.Errorf("not refused: %v", err)
		return
	}
	says(t, err, words...)
}

// passing wants err to be none of the types that say more, and to say every one of words.
func passing(t *testing.T, err error, words ...string) {
	t.Helper()
	_, isRefused := errors.AsType[*fetch.RefusedError](err)
	_, isBusy := errors.AsType[*fetch.BusyError](err)
	if err == nil || isRefused || isBusy {
		t.Errorf("not a passing error: %v", err)
		return
	}
	says(t, err, words...)
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not said in: %v", w, err)
		}
	}
}

// silent wants no error in err's chain to have one of secrets in it.
func silent(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, secret := range secrets {
			if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, secret) {
				t.Errorf("%q is told in: %s", secret, text)
			}
		}
	}
}
