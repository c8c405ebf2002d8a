package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// quick is a pace for tests.
var quick = fetch.Pace{Stall: 2 * time.Second, Pause: time.Millisecond, Longest: 10 * time.Millisecond, Attempts: 4}

// lockWith looks at URLs with a quick pace.
func lockWith(t *testing.T, old *lockfile.Lock, urls ...string) ([]locked, error) {
	t.Helper()
	s, err := (&app{}).lockSources(access{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	asked, err := askedToLock(urls)
	if err != nil {
		t.Fatal(err)
	}
	l := &locker{sources: s, old: old, file: "m", tell: func(engine.Progress) {}, now: time.Now, pace: quick}
	return l.lock(t.Context(), asked)
}

// cutting is a server whose first connections end after some bytes each.
type cutting struct {
	requests
	cuts []int // how many bytes are sent; beyond them, all
	// serve tells what is served to which request, counted from 0.
	serve func(no int) (content []byte, etag string)
	// hang keeps a connection open that was cut, instead of closing it.
	hang bool

	mu sync.Mutex
	no int
}

func (c *cutting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	no := c.no
	c.no++
	c.mu.Unlock()
	content, etag := c.serve(no)
	w.Header().Set("Content-Type", "application/octet-stream")
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if no >= len(c.cuts) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return
	}
	http.ServeContent(&cutWriter{ResponseWriter: w, left: c.cuts[no]}, r, "", time.Time{}, bytes.NewReader(content))
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(err)
	}
	if c.hang {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// cutWriter drops what is beyond left bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	n := min(w.left, len(b))
	w.left -= n
	if n == 0 {
		return 0, io.ErrShortWrite
	}
	return w.ResponseWriter.Write(b[:n])
}

// TestLockGoesOn holds that a connection that breaks costs only what it lacked, and that bytes of two versions of a file
// are never taken for one file.
func TestLockGoesOn(t *testing.T) {
	old, model := smallModel(t, 1), smallModel(t, 2)
	always := func(etag string) func(int) ([]byte, string) {
		return func(int) ([]byte, string) { return model, etag }
	}
	for name, c := range map[string]struct {
		server *cutting
		ranges []string // of the requests
	}{
		"where it was": {&cutting{cuts: []int{100_000, 200_000}, serve: always(`"v"`)}, []string{"", "bytes=100000-", "bytes=300000-"}},
		"from the start, without a version": {
			&cutting{cuts: []int{100_000}, serve: always("")}, []string{"", ""},
		},
		"from the start, with a weak version": {
			&cutting{cuts: []int{100_000}, serve: always(`W/"v"`)}, []string{"", ""},
		},
		"from the start, of a new version": {
			&cutting{cuts: []int{100_000}, serve: func(no int) ([]byte, string) {
				if no == 0 {
					return old, `"old"`
				}
				return model, `"new"`
			}}, nil,
		},
		"after nothing has come for a while": {
			&cutting{cuts: []int{100_000}, hang: true, serve: always(`"v"`)}, []string{"", "bytes=100000-"},
		},
		"in the middle of the header": {&cutting{cuts: []int{10, 20, 300}, serve: always(`"v"`)}, []string{"", "bytes=10-", "bytes=30-", "bytes=330-"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.server.note(c.server))
			defer server.Close()
			got, err := lockWith(t, &lockfile.Lock{}, server.URL+"/chat.gguf")
			if err != nil {
				t.Fatal(err)
			}
			if got[0].SHA256 != sumOf(model) || got[0].Size != int64(len(model)) || got[0].header.Architecture != "llama" {
				t.Errorf("it is %+v, not %s of %d bytes", got[0], sumOf(model), len(model))
			}
			if ranges := c.server.headers("Range"); c.ranges != nil && !reflect.DeepEqual(ranges, c.ranges) {
				t.Errorf("it asked for %q, not %q", ranges, c.ranges)
			}
		})
	}
}

// TestLockTells holds that one is told how far it is, why nothing comes, and that it ended.
func TestLockTells(t *testing.T) {
	model := smallModel(t, 1)
	c := &cutting{cuts: []int{1000}, serve: func(int) ([]byte, string) { return model, `"v"` }}
	server := httptest.NewServer(c)
	defer server.Close()
	s, err := (&app{}).lockSources(access{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var told []engine.Progress
	clock := time.Now()
	l := &locker{sources: s, old: &lockfile.Lock{}, pace: quick, tell: func(p engine.Progress) { told = append(told, p) },
		now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	if _, err := l.lock(t.Context(), []ask{{"chat", server.URL + "/x.gguf"}}); err != nil {
		t.Fatal(err)
	}
	last := told[len(told)-1]
	if !last.Ended || last.Error != "" || last.Done != int64(len(model)) || last.Total != last.Done || last.Rate <= 0 || last.Addr != "chat" || last.Note != "" {
		t.Errorf("at the end it was told %+v", last)
	}
	if !slices.ContainsFunc(told, func(p engine.Progress) bool {
		return strings.HasSuffix(p.Note, "; again in a second") && p.Done <= 1000
	}) {
		t.Errorf("nobody was told why nothing came: %+v", told)
	}
}

// TestLockStops holds that it ends when it is asked to, whatever it waits for, and says why.
func TestLockStops(t *testing.T) {
	model := smallModel(t, 1)
	c := &cutting{cuts: []int{1000}, hang: true, serve: func(int) ([]byte, string) { return model, `"v"` }}
	sent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(sent)
		c.ServeHTTP(w, r)
	}))
	defer server.Close()
	s, err := (&app{}).lockSources(access{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-sent
		cancel(&signalError{syscall.SIGINT})
	}()
	l := &locker{sources: s, old: &lockfile.Lock{}, pace: lockPace, tell: func(engine.Progress) {}, now: time.Now}
	_, err = l.lock(ctx, []ask{{"chat", server.URL + "/x.gguf"}})
	var sig *signalError
	if !errors.As(err, &sig) || sig.sig != syscall.SIGINT {
		t.Errorf("it ended with %v", err)
	}
}

// TestLockGivesUp holds that there is an end to patience, and none where there is nothing to hope for.
func TestLockGivesUp(t *testing.T) {
	model := smallModel(t, 1)
	stuck := &cutting{cuts: make([]int, 100), serve: func(int) ([]byte, string) { return model, `"v"` }}
	stuck.cuts[0] = 1000
	server := httptest.NewServer(stuck.note(stuck))
	defer server.Close()
	if _, err := lockWith(t, &lockfile.Lock{}, server.URL+"/chat.gguf"); err == nil || !strings.Contains(err.Error(), server.URL+"/chat.gguf") {
		t.Errorf("a server that sends nothing more: %v", err)
	}
	if n := len(stuck.headers("Range")); n != quick.Attempts { // the first sent something, and then failed as well
		t.Errorf("it was asked %d times", n)
	}

	var asked requests
	busy := httptest.NewServer(asked.note(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/busy") {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		http.NotFound(w, r)
	})))
	defer busy.Close()
	for i, path := range []string{"/gone.gguf", "/busy.gguf"} {
		if _, err := lockWith(t, &lockfile.Lock{}, busy.URL+path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
		if n := len(asked.headers("Range")); n != i+1 {
			t.Errorf("%s: %d requests", path, n)
		}
	}
}

// TestLockUnknownLength locks what servers do not say the length of, and refuses what is cut off there.
func TestLockUnknownLength(t *testing.T) {
	model := smallModel(t, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		b := model
		if r.URL.Path == "/cut.gguf" {
			b = model[:len(model)-1000]
		}
		for len(b) > 0 {
			n := min(len(b), 64<<10)
			if _, err := w.Write(b[:n]); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			b = b[n:]
		}
	}))
	defer server.Close()
	got, err := lockWith(t, &lockfile.Lock{}, server.URL+"/chat.gguf")
	if err != nil || got[0].SHA256 != sumOf(model) || got[0].Size != int64(len(model)) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := lockWith(t, &lockfile.Lock{}, server.URL+"/cut.gguf"); err == nil || !strings.Contains(err.Error(), "it was cut off") {
		t.Errorf("a file that is cut off: %v", err)
	}
}
