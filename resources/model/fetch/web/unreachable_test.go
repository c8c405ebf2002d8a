package web_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

func TestAHostThatCannotBeReached(t *testing.T) {
	noProxies(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err := get(t, gone.URL)
	passing(t, err, "cannot reach "+strings.TrimPrefix(gone.URL, "http://"), "nothing listens there", "refused")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v is no ECONNREFUSED", err)
	}
	_, err = get(t, "https://models.invalid/chat.gguf?key=secret-query")
	passing(t, err, "cannot reach models.invalid", "lookup models.invalid")
	silent(t, err, "secret-query")
	_, _, err = read(source(t, client(t, web.Options{Connect: 1}), "http://127.0.0.1:9/"), 0, -1, "")
	passing(t, err, "cannot reach 127.0.0.1:9", "no answer in time")
	_, err = get(t, answer(t, ""))
	passing(t, err, "it hung up without an answer")
	_, err = get(t, answer(t, "SSH-2.0-OpenSSH_9.2\r\n\r\n"))
	passing(t, err, "malformed HTTP")
}

// silence accepts connections and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestAHostThatSaysNothing(t *testing.T) {
	host := silence(t)
	_, _, err := read(source(t, client(t, web.Options{Header: 50 * time.Millisecond}), "http://"+host), 0, -1, "")
	passing(t, err, "cannot reach "+host, "no answer in time", "response headers")
	_, _, err = read(source(t, client(t, web.Options{Handshake: 50 * time.Millisecond}), "https://"+host), 0, -1, "")
	passing(t, err, "cannot reach "+host, "no answer in time", "TLS handshake")
}

func TestTheEndOfTheContext(t *testing.T) {
	why := errors.New("the owner said so")
	// While nothing is answered.
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := source(t, client(t, web.Options{}), "http://"+silence(t)).Open(ctx, 0, -1, ""); err != why {
		t.Errorf("waiting: %v", err)
	}
	// While a body comes that does not go on.
	left := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("begin"))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	})
	ctx, cancel = context.WithCancelCause(context.Background())
	b, err := source(t, client(t, web.Options{}), s.URL).Open(ctx, 0, -1, "")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	if n, err := b.Read(buf); err != nil || !bytes.HasPrefix([]byte("begin"), buf[:n]) {
		t.Fatal(n, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	for err == nil {
		_, err = b.Read(buf)
	}
	if err != why {
		t.Errorf("reading: %v", err)
	}
	<-left // before anybody closed it
	b.Close()
}
