package web_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// forward is a proxy for http (requests with a whole URL) and https (CONNECT). It alone knows where hosts are.
type forward struct {
	hosts map[string]string // host:port to address
	auth  string            // the Proxy-Authorization that it wants, if any
	deny  int               // what it answers to CONNECT instead of a tunnel

	mu   sync.Mutex
	went []string // "METHOD host:port"
}

func (p *forward) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.went = append(p.went, r.Method+" "+r.Host)
	p.mu.Unlock()
	to, known := p.hosts[r.Host]
	switch {
	case p.auth != "" && r.Header.Get("Proxy-Authorization") != p.auth:
		w.Header().Set("Proxy-Authenticate", "Basic realm=corp")
		http.Error(w, "who are you, "+r.Header.Get("Proxy-Authorization")+"?", http.StatusProxyAuthRequired)
	case p.deny != 0:
		http.Error(w, "no", p.deny)
	case !known:
		http.Error(w, "no such host for "+r.Header.Get("Proxy-Authorization"), http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		p.tunnel(w, to)
	default:
		p.pass(w, r, to)
	}
}

func (p *forward) tunnel(w http.ResponseWriter, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	join(near, far)
}

// join copies both ways until one side ends.
func join(a, b net.Conn) {
	done := make(chan struct{})
	go func() { io.Copy(a, b); a.Close(); b.Close(); close(done) }()
	io.Copy(b, a)
	a.Close()
	b.Close()
	<-done
}

func (p *forward) pass(w http.ResponseWriter, r *http.Request, to string) {
	q := r.Clone(r.Context())
	q.RequestURI, q.URL.Host = "", to
	q.Header.Del("Proxy-Authorization")
	answer, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.StatusCode)
	io.Copy(w, answer.Body)
}

// took returns where requests went, and forgets it.
func (p *forward) took() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.went, ", ")
	p.went = nil
	return s
}

// noProxies takes every proxy out of the environment for one test.
func noProxies(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUEST_METHOD"} {
		t.Setenv(name, "")
		t.Setenv(strings.ToLower(name), "")
	}
}

// beyond starts a plain server and one with TLS, known as models.example.com to a proxy alone.
func beyond(t *testing.T) (*forward, *httptest.Server, issuer) {
	t.Helper()
	noProxies(t)
	ca := newIssuer(t)
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "https://cdn.example.com/blob", http.StatusFound)
			return
		}
		if r.Header.Get("Proxy-Authorization") != "" {
			http.Error(w, "the proxy's password came through", http.StatusTeapot)
			return
		}
		have(w, r)
	}
	plain, private := serve(t, h), serveTLS(t, ca.issue(t, "models.example.com", soon()), h)
	cdn := serveTLS(t, ca.issue(t, "cdn.example.com", soon()), h)
	p := &forward{hosts: map[string]string{
		"models.example.com":     plain.Listener.Addr().String(),
		"models.example.com:443": private.Listener.Addr().String(),
		"cdn.example.com:443":    cdn.Listener.Addr().String(),
	}}
	return p, serve(t, p.ServeHTTP), ca
}

func TestProxiesOfTheEnvironment(t *testing.T) {
	p, proxy, ca := beyond(t)
	p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass word"))
	address := strings.Replace(proxy.URL, "//", "//me:pass%20word@", 1)
	direct := serve(t, have)
	for _, upper := range []bool{true, false} {
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
			if !upper {
				name = strings.ToLower(name)
			}
			t.Setenv(name, address)
		}
		c := client(t, web.Options{CA: ca.pem})
		noProxies(t) // it has read them
		for url, want := range map[string]string{
			"http://models.example.com/a":     "GET models.example.com",
			"https://models.example.com/a":    "CONNECT models.example.com:443",
			"https://models.example.com/away": "CONNECT models.example.com:443, CONNECT cdn.example.com:443",
			direct.URL:                        "", // this machine itself is never asked through a proxy
		} {
			got, b, err := read(source(t, c, url), 1<<20, 1<<20, "")
			if err != nil || b.Offset != 1<<20 || !bytes.Equal(got, file[1<<20:2<<20]) {
				t.Errorf("%s: %d bytes, %v", url, len(got), err)
			}
			if c.Close(); p.took() != want && url != "https://models.example.com/away" {
				t.Errorf("%s did not go by %q", url, want)
			}
		}
	}
}

func TestNoProxyForSomeHosts(t *testing.T) {
	p, proxy, ca := beyond(t)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "other.example.com,.invalid")
	c := client(t, web.Options{CA: ca.pem})
	if _, _, err := read(source(t, c, "https://models.example.com/"), 0, 5, ""); err != nil {
		t.Error(err)
	}
	p.took()
	_, _, err := read(source(t, c, "https://models.invalid/"), 0, 5, "")
	passing(t, err, "cannot reach models.invalid")
	if went := p.took(); went != "" {
		t.Errorf("went by %q", went)
	}
}

func TestAProxyThatWantsAPassword(t *testing.T) {
	p, proxy, ca := beyond(t)
	p.auth = "Basic other"
	host := strings.TrimPrefix(proxy.URL, "http://")
	for user, word := range map[string]string{"": "wants a user name and password", "me:secret-word@": "denies the user name and password"} {
		t.Setenv("HTTP_PROXY", "http://"+user+host)
		t.Setenv("HTTPS_PROXY", "http://"+user+host)
		c := client(t, web.Options{CA: ca.pem})
		for _, scheme := range []string{"http", "https"} {
			_, _, err := read(source(t, c, scheme+"://models.example.com/"), 0, -1, "")
			refused(t, err, word, "the proxy "+host)
			silent(t, err, "secret-word", "bWU6c2VjcmV0LXdvcmQ")
		}
	}
}

func TestAProxyThatMakesNoTunnel(t *testing.T) {
	p, proxy, ca := beyond(t)
	host := strings.TrimPrefix(proxy.URL, "http://")
	t.Setenv("HTTPS_PROXY", proxy.URL)
	c := client(t, web.Options{CA: ca.pem})
	for _, p.deny = range []int{403, 404, 405, 301} {
		_, _, err := read(source(t, c, "https://models.example.com/"), 0, -1, "")
		refused(t, err, "the proxy "+host, fmt.Sprint(p.deny), "models.example.com")
	}
	for _, p.deny = range []int{408, 429, 500, 502, 503, 504} {
		_, _, err := read(source(t, c, "https://models.example.com/"), 0, -1, "")
		passing(t, err, "cannot reach models.example.com", "the proxy "+host, fmt.Sprint(p.deny))
	}
}

func TestAProxyThatIsNotThere(t *testing.T) {
	noProxies(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	host := strings.TrimPrefix(gone.URL, "http://")
	for _, scheme := range []string{"http", "socks5"} {
		t.Setenv("HTTP_PROXY", scheme+"://me:secret-word@"+host)
		t.Setenv("HTTPS_PROXY", scheme+"://me:secret-word@"+host)
		c := client(t, web.Options{})
		for _, url := range []string{"http://models.example.com/", "https://models.example.com/"} {
			_, _, err := read(source(t, c, url), 0, -1, "")
			passing(t, err, "cannot reach models.example.com through the proxy "+host, "refused")
			silent(t, err, "secret-word")
		}
	}
	// Nor can one be asked whose certificate is not trusted.
	ca := newIssuer(t)
	t.Setenv("HTTPS_PROXY", serveTLS(t, ca.issue(t, "127.0.0.1", soon()), have).URL)
	_, _, err := read(source(t, client(t, web.Options{}), "https://models.example.com/"), 0, -1, "")
	refused(t, err, "the certificate of the proxy 127.0.0.1")
}

func TestAProxyThatIsNoAddress(t *testing.T) {
	for _, value := range []string{"http://me:secret-word@proxy example", "://secret-word", "ftp://me:secret-word@proxy.example.com", "http://me:secret-word@:3128", "http://", "http://me:secret/word@proxy.example.com:3128"} {
		for _, name := range []string{"HTTP_PROXY", "https_proxy"} {
			noProxies(t)
			t.Setenv(name, value)
			_, err := web.NewClient(web.Options{})
			if silent(t, err, "secret"); err != nil {
				says(t, err, "the proxy for http")
			}
		}
	}
}

func TestAProxyThatSaysItsPasswordBack(t *testing.T) {
	_, proxy, _ := beyond(t)
	t.Setenv("HTTP_PROXY", strings.Replace(proxy.URL, "//", "//me:secret-word@", 1))
	_, err := get(t, "http://unknown.example.com/")
	passing(t, err, "502 Bad Gateway", "no such host for Basic ***")
	silent(t, err, "bWU6c2VjcmV0LXdvcmQ", "secret-word")
}

// A host without a port has the default one of its scheme, here and in what a token is for.
func TestTokensForDefaultPorts(t *testing.T) {
	p, proxy, ca := beyond(t)
	home := &recorder{then: have}
	p.hosts["models.example.com:443"] = serveTLS(t, ca.issue(t, "models.example.com", soon()), home.ServeHTTP).Listener.Addr().String()
	p.hosts["models.example.com:8443"] = p.hosts["models.example.com:443"]
	t.Setenv("HTTPS_PROXY", proxy.URL)
	for _, c := range []struct {
		key, authority string
		sent           bool
	}{
		{"models.example.com", "models.example.com", true},
		{"models.example.com", "Models.Example.Com:443", true},
		{"models.example.com:443", "models.example.com", true},
		{"models.example.com:443", "models.example.com:443", true},
		{"models.example.com:8443", "models.example.com:8443", true},
		{"models.example.com", "models.example.com:8443", false},
		{"models.example.com:443", "models.example.com:8443", false},
		{"models.example.com:8443", "models.example.com", false},
		{"models.example.com:80", "models.example.com", false},
		{"example.com", "models.example.com", false},
	} {
		want := ""
		if c.sent {
			want = "Bearer tok-en"
		}
		p.hosts[c.authority] = p.hosts["models.example.com:443"]
		s := source(t, client(t, web.Options{CA: ca.pem, Tokens: map[string]string{c.key: "tok-en"}}), "https://"+c.authority+"/")
		if _, _, err := read(s, 0, 1, ""); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if sent := strings.Join(home.sent("Authorization"), ", "); sent != want {
			t.Errorf("%+v: sent %q", c, sent)
		}
	}
}

func TestATokenIsNotSentInTheClearAfterARedirect(t *testing.T) {
	p, proxy, _ := beyond(t)
	far, server := record(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	p.hosts["models.example.com"] = server.Listener.Addr().String()
	t.Setenv("HTTP_PROXY", proxy.URL)
	near := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://models.example.com/", http.StatusFound)
	})
	c := client(t, web.Options{Tokens: map[string]string{"models.example.com": "tok-en"}})
	_, _, err := read(source(t, c, near.URL), 0, -1, "")
	refused(t, err, "the token for models.example.com was not sent, because this is plain http")
	if sent := far.sent("Authorization"); len(sent) != 1 || sent[0] != "" {
		t.Errorf("sent %q", sent)
	}
}
