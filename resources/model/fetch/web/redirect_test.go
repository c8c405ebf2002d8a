package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// recorder is a handler that keeps what it was sent.
type recorder struct {
	mu   sync.Mutex
	seen []http.Header
	then http.HandlerFunc
}

func (h *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.seen = append(h.seen, r.Header.Clone())
	h.mu.Unlock()
	h.then(w, r)
}

// sent returns one header of all requests, and forgets them.
func (h *recorder) sent(name string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, s := range h.seen {
		out = append(out, s.Get(name))
	}
	h.seen = nil
	return out
}

func record(t *testing.T, then http.HandlerFunc) (*recorder, *httptest.Server) {
	t.Helper()
	h := &recorder{then: then}
	return h, serve(t, h.ServeHTTP)
}

func have(w http.ResponseWriter, r *http.Request) { content(w, r, `"v1"`) }

func TestRedirectsAreFollowedTenTimes(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			var n int
			fmt.Sscanf(r.URL.Path, "/%d", &n)
			if n == 0 {
				have(w, r)
				return
			}
			w.Header().Set("Location", fmt.Sprintf("%d?n=%d#part", n-1, n)) // relative
			w.WriteHeader(code)
		})
		got, b, err := read(source(t, client(t, web.Options{}), s.URL+"/10"), 5, 10, "")
		if err != nil || !bytes.Equal(got, file[5:15]) || b.Offset != 5 {
			t.Errorf("%d, ten times: %v, %d bytes", code, err, len(got))
		}
		_, err = get(t, s.URL+"/11")
		refused(t, err, "redirects more than 10 times")
	}
}

// A token is for one host and port, whatever redirects there or from there.
func TestATokenGoesToItsHostAlone(t *testing.T) {
	other, cdn := record(t, have)
	var back string
	home, origin := record(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=secret; Path=/")
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, cdn.URL+"/blob?signature=abcdefgh", http.StatusFound)
		case "/there-and-back":
			http.Redirect(w, r, back, http.StatusFound)
		default:
			have(w, r)
		}
	})
	elsewhere, way := record(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, origin.URL+"/file", http.StatusFound)
	})
	back = way.URL + "/via"
	host := strings.TrimPrefix(origin.URL, "http://")
	bearer := client(t, web.Options{Tokens: map[string]string{strings.ToUpper(host): "tok-en"}})
	basic := "Basic bWU6c2VjcmV0" // me:secret

	for _, c := range []struct {
		client *web.Client
		url    string
		want   string
	}{
		{bearer, origin.URL, "Bearer tok-en"},
		{client(t, web.Options{Tokens: map[string]string{host: "me:secret"}}), origin.URL, basic},
		{client(t, web.Options{}), "http://me:secret@" + host, basic},
		{bearer, "http://me:secret@" + host, basic},
	} {
		for path, want := range map[string][]string{"/away": {c.want}, "/there-and-back": {c.want, c.want}} {
			got, _, err := read(source(t, c.client, c.url+path+"?key=private-query"), 0, -1, "")
			if err != nil || !bytes.Equal(got, file) {
				t.Fatalf("%s: %v, %d bytes", path, err, len(got))
			}
			if sent := home.sent("Authorization"); !slices.Equal(sent, want) {
				t.Errorf("%s: sent home: %q", path, sent)
			}
			for _, h := range []*recorder{other, elsewhere} {
				for _, seen := range h.seen {
					if seen.Get("Authorization") != "" || seen.Get("Cookie") != "" || seen.Get("Referer") != "" {
						t.Errorf("%s: sent to another host: %v", path, seen)
					}
				}
			}
			if n := len(other.sent("")) + len(elsewhere.sent("")); n != 1 {
				t.Errorf("%s: %d requests to other hosts", path, n)
			}
		}
	}
	// Another name, or another port, of the same machine is another host.
	for _, key := range []string{"127.0.0.1", "localhost", strings.Replace(host, "127.0.0.1", "localhost", 1), host + "0"} {
		c, err := web.NewClient(web.Options{Tokens: map[string]string{key: "tok-en"}})
		if err != nil {
			continue // the last may be no port at all
		}
		defer c.Close()
		if _, _, err := read(source(t, c, origin.URL+"/file"), 0, 1, ""); err != nil {
			t.Error(err)
		}
		if sent := home.sent("Authorization"); !slices.Equal(sent, []string{""}) {
			t.Errorf("token for %s: sent %q", key, sent)
		}
	}
}

// What a redirect says about users is its business.
func TestAUserInARedirectIsNotSent(t *testing.T) {
	other, cdn := record(t, have)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.Replace(cdn.URL, "http://", "http://a:b@", 1))
		w.WriteHeader(302)
	})
	if _, err := get(t, s.URL); err != nil {
		t.Error(err)
	}
	if sent := other.sent("Authorization"); !slices.Equal(sent, []string{""}) {
		t.Errorf("sent %q", sent)
	}
}

// Signed addresses expire, so nothing of an earlier redirect is kept.
func TestEveryOpenBeginsAtTheSource(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chat.gguf":
			n++
			http.Redirect(w, r, fmt.Sprintf("/signed/%d", n), http.StatusFound)
		case fmt.Sprintf("/signed/%d", n):
			have(w, r)
		default:
			http.Error(w, "expired", http.StatusForbidden)
		}
	})
	src := source(t, client(t, web.Options{}), s.URL+"/chat.gguf")
	for off := int64(0); off < 5; off++ {
		if got, _, err := read(src, off, 3, `"v1"`); err != nil || !bytes.Equal(got, file[off:off+3]) {
			t.Errorf("from %d on: %q, %v", off, got, err)
		}
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	for location, word := range map[string]string{
		"":                       "without saying where to",
		"ftp://example.com/x":    `"ftp"`,
		"file:///etc/passwd":     `"file"`,
		"http:///chat.gguf":      "not http or https",
		"http://[::1/chat.gguf":  "no URL",
		"http://a b/secret-path": "no URL",
		"mailto:me@example.com":  `"mailto"`,
	} {
		url := answer(t, "HTTP/1.1 302 Found\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n")
		_, err := get(t, url)
		if refused(t, err, word); strings.Contains(err.Error(), "secret-path") {
			t.Error(err)
		}
	}
}

// The words of a redirect are for nobody, and are not waited for.
func TestARedirectWhoseBodyDoesNotEnd(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			have(w, r)
			return
		}
		w.Header().Set("Location", "/end")
		w.WriteHeader(302)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	if got, err := get(t, s.URL); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestATokenOverPlainHTTP(t *testing.T) {
	for _, url := range []string{"http://models.example.com/a", "http://models.example.com:8080/a", "http://10.0.0.1/a", "http://localhost.example.com/a"} {
		c := client(t, web.Options{Tokens: map[string]string{
			"models.example.com": "secret-token", "models.example.com:8080": "me:secret-word", "10.0.0.1": "secret-token", "localhost.example.com": "secret-token",
		}})
		_, _, err := read(source(t, c, url), 0, -1, "")
		refused(t, err, "plain http", "use https")
		silent(t, err, "secret")
		_, _, err = read(source(t, client(t, web.Options{}), strings.Replace(url, "//", "//me:secret-word@", 1)), 0, -1, "")
		refused(t, err, "user name and password", "plain http")
		silent(t, err, "secret")
	}
}

func TestOneConnectionIsUsedAgain(t *testing.T) {
	addresses := map[string]bool{}
	var mu sync.Mutex
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		addresses[r.RemoteAddr] = true
		mu.Unlock()
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/file", http.StatusFound)
			return
		}
		have(w, r)
	})
	src := source(t, client(t, web.Options{}), s.URL)
	for off := int64(0); off < 8; off++ {
		if got, _, err := read(src, off<<10, 1<<10, ""); err != nil || len(got) != 1<<10 {
			t.Fatal(err)
		}
	}
	if len(addresses) != 1 {
		t.Errorf("eight segments behind a redirect came over %d connections", len(addresses))
	}
}

func TestClosingABodyHangsUp(t *testing.T) {
	gone := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("begin"))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	})
	b, err := source(t, client(t, web.Options{}), s.URL).Open(context.Background(), 0, -1, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	<-gone
}
