package model

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// behaviour is how a server answers its n-th request, from 1 on, for a model.
type behaviour func(w http.ResponseWriter, r *http.Request, n int, model []byte)

// well is how a server should.
func well(w http.ResponseWriter, r *http.Request, _ int, model []byte) {
	w.Header().Set("ETag", fmt.Sprintf("%q", sum(string(model))))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(model))
}

// first answers the first requests otherwise.
func first(requests int, otherwise behaviour) behaviour {
	return func(w http.ResponseWriter, r *http.Request, n int, model []byte) {
		if n > requests {
			otherwise = well
		}
		otherwise(w, r, n, model)
	}
}

func says(status int, header ...string) behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ int, _ []byte) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

func sends(body string) behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ int, _ []byte) { _, _ = io.WriteString(w, body) }
}

// cut says that all comes, and hangs up in the middle.
func cut(w http.ResponseWriter, _ *http.Request, _ int, model []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(model)))
	_, _ = w.Write(model[:len(model)/2])
}

// half has the first half of it, and says so.
func half(w http.ResponseWriter, r *http.Request, n int, model []byte) {
	well(w, r, n, model[:len(model)/2])
}

func whole(w http.ResponseWriter, _ *http.Request, _ int, model []byte) { _, _ = w.Write(model) }

// other has another model of the same size.
func other(w http.ResponseWriter, r *http.Request, n int, model []byte) {
	changed := bytes.Clone(model)
	changed[len(changed)-1] ^= 1
	well(w, r, n, changed)
}

// A server may do what it likes: what is published is the model, or nothing and an error that says why; a mirror that
// has it puts everything right.
func TestServersThatMisbehave(t *testing.T) {
	model := made(t, smallest(1))
	for name, c := range map[string]struct {
		behaves behaviour
		err     string // "" where the server's model arrives in the end
	}{
		"ranges":            {well, ""},
		"no ranges":         {whole, ""},
		"cut once":          {first(1, cut), ""},
		"cut each time":     {cut, "unexpected EOF"},
		"more than it":      {sends(model + "x"), ""}, // of which nobody asked for the rest
		"empty":             {sends(""), "its file has 0 bytes, and 36896 are expected"},
		"another size":      {half, "its file has 18448 bytes, and 36896 are expected"},
		"a login page":      {sends("<!DOCTYPE html><html><title>Log in</title></html>"), `an HTML page`},
		"a Git LFS pointer": {sends("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 34\n"), "Git LFS pointer"},
		"an error as JSON":  {says(http.StatusForbidden, "Content-Type", "application/json"), "403"},
		"not found":         {says(http.StatusNotFound), "404"},
		"too many requests": {first(1, says(http.StatusTooManyRequests, "Retry-After", "1")), ""},
		"unavailable":       {first(1, says(http.StatusServiceUnavailable, "Retry-After", "0")), ""},
		"broken once":       {first(1, says(http.StatusInternalServerError)), ""},
		"wrong bytes":       {other, "serves another file: its SHA-256 is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, good := serve(t, model, c.behaves), serve(t, model, well)
			spec := func(sources ...string) *Spec {
				s := &Spec{Path: chat, Sources: sources, SHA256: sum(model), Size: size(model)}
				s.Default()
				return s
			}
			m := hosttest.New(t, hosttest.Config{Files: folders(files{chat: {Content: "the old one"}})})
			alone := spec(bad)
			err := resource{}.Apply(t.Context(), m.Host(), reads(t, m.View(), alone), alone)
			if c.err == "" {
				if err != nil || m.Get(chat) != model {
					t.Errorf("the model did not arrive: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) || m.Get(chat) != "the old one" {
				t.Errorf("the error is %v, want %q; there is %.20q", err, c.err, m.Get(chat))
			}
			mirrored := spec(bad, good)
			if err := (resource{}).Apply(t.Context(), m.Host(), reads(t, m.View(), mirrored), mirrored); err != nil || m.Get(chat) != model {
				t.Errorf("with a mirror: %v", err)
			}
		})
	}
}

// serve returns where a model is to be had.
func serve(t *testing.T, model string, b behaviour) string {
	t.Helper()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b(w, r, int(asked.Add(1)), []byte(model))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/chat.gguf"
}

// A token is for the host that it was given for, and not for where that redirects to.
func TestTokenIsNotSentOn(t *testing.T) {
	model := made(t, smallest(1))
	var leaked atomic.Bool
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		well(w, r, 1, []byte(model))
	}))
	defer storage.Close()
	// The same machine by another name is another host.
	_, port, err := net.SplitHostPort(storage.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hf_secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, "http://localhost:"+port+"/blob", http.StatusFound)
	}))
	defer hub.Close()
	spec := &Spec{Path: chat, Sources: []string{hub.URL + "/chat.gguf"}, SHA256: sum(model),
		Tokens: map[string]engine.Text{hub.Listener.Addr().String(): *engine.NewSecret("hf_secret")}}
	spec.Default()
	m := hosttest.New(t, hosttest.Config{Files: folders(files{"/opt/agent0/models": {Dir: true}})})
	if err := (resource{}).Apply(t.Context(), m.Host(), nil, spec); err != nil || m.Get(chat) != model {
		t.Errorf("the model did not arrive: %v", err)
	}
	if leaked.Load() {
		t.Error("the token was sent to where the host redirects to")
	}
}
