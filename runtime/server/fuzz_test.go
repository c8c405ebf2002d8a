package server

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// unheard is a server without a port.
func unheard(f *testing.F) *Server {
	cfg := spec.DefaultServer()
	cfg.Model, cfg.MaxN, cfg.MaxTokens = "tiny", 2, 4
	s, err := New(cfg, Options{Engine: newFake(), Grammars: testGrammars(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// fuzzBodies asks with any body. Whatever it is, it is answered or refused with a reason.
func fuzzBodies(f *testing.F, path string) {
	s := unheard(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if orders.Match(body) { // the fake does as it is told
			return
		}
		q := httptest.NewRequest("POST", path, bytes.NewReader(body))
		q.Host = "localhost"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, q)
		a := &answered{w.Result(), w.Body.Bytes()}
		switch w.Code {
		case 200:
			if !bytes.HasPrefix(a.body, []byte("{")) && !bytes.HasSuffix(a.body, []byte("data: [DONE]\n\n")) {
				t.Errorf("%q: %q", body, a.body)
			}
		case 400, 404:
			if p := a.problem(t); p.Message == "" || p.code() == "" {
				t.Errorf("%q: %q", body, a.body)
			}
		default:
			t.Errorf("%q: %d %q", body, w.Code, a.body)
		}
		if n, _ := s.doors.state(); n != 0 {
			t.Errorf("%d requests are inside", n)
		}
	})
}

func FuzzChat(f *testing.F) {
	for _, field := range fields() {
		if field.chat != absent {
			f.Add([]byte(ask("x", `"`+field.name+`":`+field.example)))
		}
	}
	f.Add([]byte(ask("x", tools, `"tool_choice":"required","stream":true`)))
	fuzzBodies(f, "/v1/chat/completions")
}

func FuzzCompletion(f *testing.F) {
	for _, field := range fields() {
		if field.completion != absent {
			f.Add([]byte(`{"prompt":"x","` + field.name + `":` + field.example + `}`))
		}
	}
	f.Add([]byte(`{"prompt":[[1,2],[3]],"n":2,"stream":true}`))
	fuzzBodies(f, "/v1/completions")
}

// FuzzHost holds what is let in against the few names that there are.
func FuzzHost(f *testing.F) {
	g := newGuard("10.0.0.1:80", []string{"ai.example.org"}, []string{"https://ui.example.org"}, Keys{})
	for _, h := range []string{"localhost", "LOCALHOST:1", "[::1]:80", "127.0.0.1.", "ai.example.org:443", "evil.org", "[::1", "a]b", "::1", "localhost:", ":80", "10.0.0.1"} {
		f.Add(h, "https://ui.example.org")
	}
	f.Fuzz(func(t *testing.T, host, origin string) {
		q := httptest.NewRequest("GET", "/health", nil)
		q.Host = host
		q.Header = http.Header{"Origin": {origin}}
		if g.host(q) {
			name := strings.ToLower(host)
			if h, port, err := net.SplitHostPort(name); err == nil {
				if strings.Trim(port, "0123456789") != "" {
					t.Errorf("host %q", host)
				}
				name = h
			}
			switch strings.TrimSuffix(strings.Trim(name, "[]"), ".") {
			case "localhost", "127.0.0.1", "::1", "10.0.0.1", "ai.example.org":
			default:
				t.Errorf("host %q is let in", host)
			}
		}
		if g.origin(q) && !strings.EqualFold(origin, "https://ui.example.org") {
			t.Errorf("origin %q is let in", origin)
		}
	})
}
