package web_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

func TestASourceIsNamedWithoutSecrets(t *testing.T) {
	c := client(t, web.Options{})
	for url, want := range map[string]string{
		"https://me:secret@models.example.com/a%20b/chat.gguf?token=secret#secret": "https://models.example.com/a%20b/chat.gguf",
		"https://secret@models.example.com:8443/":                                  "https://models.example.com:8443/",
		"http://[::1]:80":                       "http://[::1]:80",
		"https://models.example.com/\u202egguf": "https://models.example.com/%E2%80%AEgguf",
		"https://models%E2%80%AE.example.com/x": `https://models\u202e.example.com/x`,
	} {
		if got := source(t, c, url).String(); got != want {
			t.Errorf("%s is named %s", url, got)
		}
	}
}

func TestWhatIsNoWebSource(t *testing.T) {
	c := client(t, web.Options{})
	for _, url := range []string{
		"", "models.example.com/chat.gguf", "file:///chat.gguf", "ftp://models.example.com/a", "https:///chat.gguf", "https:chat.gguf",
		"https://me:sec/ret@models.example.com/", "https://me:secret@models.example.com:port/", "https://me:secret@models.example.com/%zz",
		"https://me:secret@/chat.gguf", "https://:8443/chat.gguf",
	} {
		_, err := c.Source(url)
		silent(t, err, "sec", "ret@")
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, o := range []struct {
		web.Options
		word string
	}{
		{web.Options{CA: []byte("nothing")}, "no certificate"},
		{web.Options{CA: []byte("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")}, "no certificate"},
		{web.Options{CA: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, "certificate 1"},
		{web.Options{Tokens: map[string]string{"": "secret"}}, `"" is no host`},
		{web.Options{Tokens: map[string]string{"https://models.example.com": "secret"}}, "no host"},
		{web.Options{Tokens: map[string]string{"models.example.com/": "secret"}}, "no host"},
		{web.Options{Tokens: map[string]string{"*.example.com": "secret"}}, "no host"},
		{web.Options{Tokens: map[string]string{"me@models.example.com": "secret"}}, "no host"},
		{web.Options{Tokens: map[string]string{"models.example.com:https": "secret"}}, "no host"},
		{web.Options{Tokens: map[string]string{"models.example.com": ""}}, "empty"},
		{web.Options{Tokens: map[string]string{"models.example.com": "secret\n"}}, "line break"},
		{web.Options{Tokens: map[string]string{"models.example.com": "Bearer secret"}}, `without "Bearer"`},
		{web.Options{Tokens: map[string]string{"models.example.com": "secret", "MODELS.example.com.": "secret"}}, "two tokens"},
	} {
		_, err := web.NewClient(o.Options)
		if silent(t, err, "secret"); err != nil {
			says(t, err, o.word)
		}
	}
}

// Whatever goes wrong, and whatever a server says, nothing that was given in confidence is told.
func TestNoErrorTellsASecret(t *testing.T) {
	secrets := []string{"secret/word", "secret%2Fword", "secret-query", "secret-token", "secret-signature", "c2VjcmV0", "s=s3c"}
	var target string
	// It says back all it knows, in every way that a message may come.
	echo := func(r *http.Request) string {
		_, password, _ := r.BasicAuth()
		return fmt.Sprintf("bad %s %s %s %s", r.Header.Get("Authorization"), password, r.URL.RawQuery, r.URL.Query().Get("key"))
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", target+"&"+r.URL.RawQuery)
			w.WriteHeader(302)
		case "/bad-redirect":
			w.Header().Set("Location", "http://["+r.URL.RawQuery)
			w.WriteHeader(302)
		case "/html":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<title>"+echo(r)+"</title>")
		case "/range":
			w.Header().Set("Content-Range", echo(r))
			w.WriteHeader(206)
		case "/encoding":
			w.Header().Set("Content-Encoding", echo(r))
		case "/multipart":
			w.Header().Set("Content-Type", "multipart/"+echo(r))
			w.WriteHeader(206)
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"error":%q}`, echo(r))
		case "/cut": // in the middle of a secret
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(503)
			io.WriteString(w, strings.Repeat(" ", 1024-len("bad Bearer secret-to"))+echo(r))
		case "/garbage":
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, echo(r)+"\r\n\r\n")
			c.Close()
		case "/hangup":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("x"))
		default:
			http.Error(w, echo(r), 500)
		}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	token := client(t, web.Options{Tokens: map[string]string{host: "secret-token"}})
	paths := []string{"/redirect", "/bad-redirect", "/html", "/range", "/encoding", "/multipart", "/json", "/cut", "/garbage", "/hangup", "/500"}
	tried := 0
	for _, path := range paths {
		for _, to := range []string{s.URL + "/500", s.URL + "/html", "http://127.0.0.1:1/", "ftp://127.0.0.1/"} {
			target = to + "?sig=secret-signature"
			for _, src := range []string{"http://secret-user:secret%2Fword@" + host, s.URL} {
				_, _, err := read(source(t, token, src+path+"?key=secret-query&s=s3c"), 5, 10, "")
				if silent(t, err, secrets...); t.Failed() {
					t.Fatalf("%s: %v", path, err)
				}
				tried++
			}
		}
	}
	t.Logf("%d errors tell nothing", tried)
}
