package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func TestHosts(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.Hosts = []string{"ai.example.org", "[2001:DB8::1]"} })
	port := r.addr[strings.LastIndex(r.addr, ":"):]
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST" + port: 200, "localhost.": 200, "127.0.0.1": 200, "127.0.0.1" + port: 200, "[::1]" + port: 200, "[::1]": 200,
		"ai.example.org": 200, "AI.example.org:443": 200, "[2001:db8::1]:8000": 200,
		"evil.example.org": 403, "localhost.evil.org": 403, "127.0.0.2": 403, "evil.org" + port: 403, "localhost:x": 403, "127.0.0.1.nip.io": 403, "0": 403,
	} {
		for _, path := range []string{"/v1/models", "/health", "/nowhere"} {
			want := status
			if path == "/nowhere" && status == 200 {
				want = 404
			}
			a := r.do(t, "GET", path, "", "Host", host)
			if a.StatusCode != want {
				t.Errorf("%s%s: %d", host, path, a.StatusCode)
			}
			if want == 403 && a.problem(t).code() != "host_not_allowed" {
				t.Errorf("%s", a.body)
			}
		}
	}
}

// A server that listens on all addresses is reached by the one that was connected to, whichever it is.
func TestHostIsTheAddressConnectedTo(t *testing.T) {
	r := start(t)
	port := r.addr[strings.LastIndex(r.addr, ":"):]
	r.server.now.Load().guard.hosts = []string{"nothing"}
	for host, status := range map[string]int{"127.0.0.1" + port: 200, "[::ffff:127.0.0.1]" + port: 200, "127.0.0.9": 403, "localhost": 403} {
		if a := r.do(t, "GET", "/health", "", "Host", host); a.StatusCode != status {
			t.Errorf("%s: %d", host, a.StatusCode)
		}
	}
}

func TestOrigins(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.Origins = []string{"https://ui.example.org"} })
	for origin, ok := range map[string]bool{"https://ui.example.org": true, "https://UI.example.org": true, "http://ui.example.org": false,
		"https://evil.example.org": false, "null": false, "http://localhost": false, "https://ui.example.org.evil.org": false} {
		a := r.do(t, "POST", "/v1/chat/completions", ask("x"), "Origin", origin)
		allowed := a.Header.Get("Access-Control-Allow-Origin")
		if ok != (a.StatusCode == 200) || ok != (allowed == origin) {
			t.Errorf("%s: %d, allowed %q", origin, a.StatusCode, allowed)
		}
		if !ok && (a.StatusCode != 403 || a.problem(t).code() != "origin_not_allowed") {
			t.Errorf("%s: %s", origin, a.body)
		}
		pre := r.do(t, "OPTIONS", "/v1/chat/completions", "", "Origin", origin, "Authorization", "",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,x-stainless-os")
		if ok != (pre.StatusCode == 204) || ok != (pre.Header.Get("Access-Control-Allow-Headers") == "authorization,x-stainless-os") || ok != (pre.Header.Get("Access-Control-Allow-Methods") == "POST") {
			t.Errorf("%s: preflight %d %v", origin, pre.StatusCode, pre.Header)
		}
	}
	none := r.do(t, "GET", "/v1/models", "")
	for name := range none.Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("without an origin: %s", name)
		}
	}
	if none.Header.Get("X-Content-Type-Options") != "nosniff" || none.Header.Get("Cache-Control") != "no-store" || none.Header.Get("X-Request-Id") == "" {
		t.Errorf("%v", none.Header)
	}
}

func TestKeys(t *testing.T) {
	r := start(t)
	for path, method := range map[string]string{"/v1/models": "GET", "/v1/chat/completions": "POST", "/v1/completions": "POST", "/tokenize": "POST", "/metrics": "GET", "/nowhere": "GET"} {
		for _, auth := range []string{"", "Bearer", "Bearer wrong", "Basic " + key, key, "Bearer " + key + "x", "Bearer # keys"} {
			a := r.do(t, method, path, "{}", "Authorization", auth)
			if a.StatusCode != 401 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") || a.problem(t).code() != "invalid_api_key" {
				t.Errorf("%s with %q: %d %s", path, auth, a.StatusCode, a.body)
			}
		}
		if a := r.do(t, method, path, "{}", "Authorization", "bearer other"); a.StatusCode == 401 {
			t.Errorf("%s with the other key: %s", path, a.body)
		}
	}
	if a := r.do(t, "GET", "/health", "", "Authorization", ""); a.StatusCode != 200 {
		t.Errorf("/health needs a key: %d", a.StatusCode)
	}
	open := start(t, func(c *spec.Server, o *Options) { o.Keys, c.OpenMetrics = Keys{}, true })
	if a := open.do(t, "GET", "/v1/models", "", "Authorization", ""); a.StatusCode != 200 {
		t.Errorf("a server without keys: %d", a.StatusCode)
	}
	scraped := start(t, func(c *spec.Server, _ *Options) { c.OpenMetrics = true })
	if a := scraped.do(t, "GET", "/metrics", "", "Authorization", ""); a.StatusCode != 200 {
		t.Errorf("open metrics: %d", a.StatusCode)
	}
}

func TestParseKeys(t *testing.T) {
	for _, bad := range []string{"", "\n# nothing\n", "two words", "ü", strings.Repeat("k", 2000), "a\x00b"} {
		if _, err := ParseKeys(bad); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

// The log says who asked for what, and nothing of what was said.
func TestLogHasNoSecrets(t *testing.T) {
	r := start(t)
	a := r.chat(t, ask("my secret prompt", `"user":"someone"`))
	r.do(t, "POST", "/v1/chat/completions?"+key, ask("x !internal"))
	r.do(t, "GET", "/v1/models/"+key, "")
	r.do(t, "GET", "/"+key, "", "Authorization", "Bearer wrong-key")
	r.until(t, "four lines", func() bool { return strings.Count(r.log.String(), `"msg":"request"`) == 4 })
	log := r.log.String()
	for _, secret := range []string{"secret", key, "wrong-key", "someone", content(t, a)} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q:\n%s", secret, log)
		}
	}
	id := a.Header.Get("X-Request-Id")
	for _, want := range []string{`"request_id":"` + id + `"`, `"path":"/v1/chat/completions"`, `"status":200`, `"generated_tokens":`, `"prompt_tokens":`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if h := r.do(t, "GET", "/health", ""); strings.Contains(string(h.body), "/secret/path") {
		t.Errorf("/health tells paths: %s", h.body)
	}
}

func TestPathsAndMethods(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""}, {"GET", "/v1", 404, ""}, {"GET", "//v1/models", 404, ""}, {"GET", "/v1/models/", 404, ""}, {"POST", "/v1/embeddings", 404, ""},
		{"GET", "/v1/../health", 404, ""}, {"GET", "/v1/chat/completions", 405, "POST"}, {"DELETE", "/v1/models/tiny", 405, "GET, HEAD"}, {"PUT", "/health", 405, "GET, HEAD"},
		{"OPTIONS", "/v1/chat/completions", 405, "POST"}, {"TRACE", "/metrics", 405, "GET, HEAD"}, {"BREW", "/v1/models", 405, "GET, HEAD"},
	} {
		a := r.do(t, c.method, c.path, "")
		if a.StatusCode != c.status || a.Header.Get("Allow") != c.allow || a.Header.Get("Content-Type") != "application/json" || a.problem(t).Type == "" {
			t.Errorf("%s %s: %d %q %s", c.method, c.path, a.StatusCode, a.Header.Get("Allow"), a.body)
		}
	}
	for path, status := range map[string]int{"/v1/models": 200, "/health": 200, "/metrics": 200, "/v1/completions": 405, "/x": 404} {
		if a := r.do(t, http.MethodHead, path, ""); a.StatusCode != status || len(a.body) != 0 {
			t.Errorf("HEAD %s: %d %q", path, a.StatusCode, a.body)
		}
	}
}
