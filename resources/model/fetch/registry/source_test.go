package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// A model with a known SHA-256 is asked for by that, in parts, and no tag is looked at.
func TestBlobByDigestInParts(t *testing.T) {
	reg := serve(t, blob)
	s := source(t, reg.host("127.0.0.1"), registry.Options{})
	size := int64(len(model))
	for _, part := range []struct{ off, length, first, last int64 }{
		{0, -1, 0, size}, {0, 10, 0, 10}, {100, 50, 100, 150}, {100, -1, 100, size}, {size - 1, 1, size - 1, size},
		{size - 5, 100, size - 5, size},
	} {
		body, got := get(t, s, part.off, part.length, "")
		if !bytes.Equal(got, model[part.first:part.last]) {
			t.Errorf("from %d, %d bytes: got %d others", part.off, part.length, len(got))
		}
		if body.Offset != part.off || body.Size != size || !body.Ranges || body.Version != "sha256:"+blobPath[len(blobPath)-64:] {
			t.Errorf("from %d, %d bytes: %+v", part.off, part.length, body)
		}
	}
	for _, r := range reg.asked() {
		if r.URL.Path != blobPath {
			t.Errorf("asked for %s", r.URL)
		}
	}
	if got := s.String(); got != "oci://"+reg.host("127.0.0.1")+"/models/chat:v1" {
		t.Error(got)
	}
}

// Of a body with another version than the one that is gone on with, the whole is sent.
func TestOtherVersionIsSentWhole(t *testing.T) {
	reg := serve(t, blob)
	s := source(t, reg.host("127.0.0.1"), registry.Options{})
	body, got := get(t, s, 100, 50, "sha256:another")
	if body.Offset != 0 || !bytes.Equal(got, model) {
		t.Errorf("from %d: %d bytes", body.Offset, len(got))
	}
	body, got = get(t, s, 100, 50, body.Version)
	if body.Offset != 100 || !bytes.Equal(got, model[100:150]) {
		t.Errorf("from %d: %d bytes", body.Offset, len(got))
	}
}

func TestRegistryWithoutRanges(t *testing.T) {
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Accept-Ranges", "bytes") // which is not true
		_, _ = w.Write(model)
	})
	body, got := get(t, source(t, reg.host("127.0.0.1"), registry.Options{}), 100, 50, "")
	if body.Offset != 0 || body.Ranges || !bytes.Equal(got, model) {
		t.Errorf("%+v with %d bytes", body, len(got))
	}
}

func TestWrongParts(t *testing.T) {
	for _, field := range []string{"", "bytes", "bytes 0-49/23000", "bytes 100-160/23000", "bytes 100-149/120", "bytes 149-100/23000", "bytes x-y/z", "lines 100-149/23000", "bytes 100-149/-2"} {
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", field)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(model[100:150])
		})
		_, err := source(t, reg.host("127.0.0.1"), registry.Options{}).Open(t.Context(), 100, 50, "")
		refused, ok := errors.AsType[*fetch.RefusedError](err)
		if !ok {
			t.Errorf("%q: %v", field, err)
			continue
		}
		contains(t, refused.Why, fmt.Sprintf("%q", field))
	}
}

// A part that ends early is never taken for the whole part, also where no length gives it away.
func TestPartThatEndsEarly(t *testing.T) {
	for _, last := range []int{149, 119} { // says that it is all, or that it is less
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", last, len(model)))
			w.WriteHeader(http.StatusPartialContent)
			_ = http.NewResponseController(w).Flush() // so that it is sent in chunks, without a length
			_, _ = w.Write(model[100:120])
		})
		body, err := source(t, reg.host("127.0.0.1"), registry.Options{}).Open(t.Context(), 100, 50, "")
		check(t, err)
		got, err := io.ReadAll(body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(got, model[100:120]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		body.Close()
	}
}

func TestAnswers(t *testing.T) {
	const refused, busy, passing = "refused", "busy", "passing"
	clock := time.Now().Add(-24 * time.Hour) // the server's, which is wrong
	date := func(d time.Duration) string { return clock.Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		status int
		after  string
		want   string
		says   string
		waits  bool
	}{
		{401, "", refused, "no token was sent, since none is set for 127.0.0.1", false},
		{403, "", refused, "no token was sent", false},
		{404, "", refused, "there is no such model in models/chat", false},
		{400, "", refused, "400 Bad Request", false},
		{418, "", refused, "418", false},
		{429, "7", busy, "7s", true},
		{429, "", busy, "429 Too Many Requests", false},
		{503, date(time.Hour), busy, "asks to come back in 1h0m0s", true},
		{503, date(-time.Hour), busy, "503 Service Unavailable", false},
		{503, "-5", busy, "503 Service Unavailable", false},
		{503, "soon", busy, "503 Service Unavailable", false},
		{408, "", passing, "408 Request Timeout", false},
		{425, "", passing, "425 Too Early", false},
		{500, "", passing, "500 Internal Server Error: blob unknown: \\x1b[31mlook here", false},
		{502, "", passing, "502 Bad Gateway", false},
	} {
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.after)
			w.Header().Set("Date", date(0))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, `{"errors":[{"code":"BLOB_UNKNOWN","message":"\u001b[31mlook here","detail":{"a":"b"}}]}`)
		})
		err := failure(t, source(t, reg.host("127.0.0.1"), registry.Options{}))
		_, isRefused := errors.AsType[*fetch.RefusedError](err)
		b, isBusy := errors.AsType[*fetch.BusyError](err)
		if isRefused != (c.want == refused) || isBusy != (c.want == busy) {
			t.Errorf("%d: %T, not %s: %v", c.status, err, c.want, err)
		}
		if isBusy && (b.After != 0) != c.waits {
			t.Errorf("%d, %q: asks for %s", c.status, c.after, b.After)
		}
		contains(t, err.Error(), c.says, "oci://"+reg.host("127.0.0.1")+"/models/chat:v1")
		if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%d: a control character gets through: %q", c.status, err)
		}
		if n := len(reg.asked()); n != 1 {
			t.Errorf("%d: asked %d times: trying again is up to others", c.status, n)
		}
	}
}

func TestShorterThanAskedFor(t *testing.T) {
	reg := serve(t, blob)
	_, err := source(t, reg.host("127.0.0.1"), registry.Options{}).Open(t.Context(), int64(len(model)), -1, "")
	if _, ok := errors.AsType[*fetch.RefusedError](err); !ok {
		t.Fatal(err)
	}
	contains(t, err.Error(), "416", fmt.Sprintf("bytes */%d", len(model)))
}

func TestWhatIsNoBlob(t *testing.T) {
	for says, header := range map[string][2]string{
		"an HTML page": {"Content-Type", "text/html; charset=utf-8"},
		`"gzip"`:       {"Content-Encoding", "gzip"},
	} {
		reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header[0], header[1])
			_, _ = w.Write([]byte("<html><title>Sign in</title>"))
		})
		contains(t, refusal(t, source(t, reg.host("127.0.0.1"), registry.Options{})), says)
	}
}

func TestNobodyThere(t *testing.T) {
	reg := serve(t, blob)
	host := reg.host("127.0.0.1")
	reg.Close()
	err := failure(t, source(t, host, registry.Options{}))
	if _, ok := errors.AsType[*fetch.RefusedError](err); ok {
		t.Error("what may be there tomorrow is not refused")
	}
	contains(t, err.Error(), "cannot reach "+host, "refused")
}

// The end of the context ends a question that gets no answer, and a body that does not go on.
func TestEndOfContext(t *testing.T) {
	hang := make(chan struct{})
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			<-hang
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-9/%d", len(model)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(model[:5])
		_ = http.NewResponseController(w).Flush()
		<-hang
	})
	t.Cleanup(func() { close(hang) }) // before the server waits for its handlers
	s := source(t, reg.host("127.0.0.1"), registry.Options{})
	why := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for len(reg.asked()) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	if _, err := s.Open(ctx, 0, -1, ""); !errors.Is(err, why) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	body, err := s.Open(ctx, 0, 10, "")
	check(t, err)
	defer body.Close()
	_, err = io.ReadFull(body, make([]byte, 5))
	check(t, err)
	cancel(why)
	if _, err := body.Read(make([]byte, 5)); err == nil {
		t.Error("the body goes on")
	}
}
