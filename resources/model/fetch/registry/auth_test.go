package registry_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// behindBasic lets only user:password in.
func behindBasic(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "pass:word" {
			w.Header().Set("WWW-Authenticate", `Basic realm="models"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}

func TestUserAndPassword(t *testing.T) {
	reg := serve(t, behindBasic(blob))
	host := reg.host("127.0.0.1")
	_, got := get(t, source(t, host, registry.Options{Tokens: map[string]string{host: "user:pass:word"}}), 10, 10, "")
	if string(got) != string(model[10:20]) {
		t.Errorf("got %q", got)
	}
	for tokens, says := range map[string]string{
		"":               "asks for a user and a password: no token was sent, since none is set for " + host,
		"user:wrong-one": "the token for " + host + " was sent to it; look whether it is right",
		"user:":          "is incomplete: it must be user:password",
		"bearer-alone":   "username or password",
	} {
		o := registry.Options{Tokens: map[string]string{"other.example.com": "user:pass:word"}}
		if tokens != "" {
			o.Tokens[host] = tokens
		}
		why := refusal(t, source(t, host, o))
		contains(t, why, says)
		noSecret(t, why, "wrong-one", "bearer-alone", "pass:word")
	}
}

func noSecret(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%q has the secret %q in it", text, s)
		}
	}
}

// tokenServer gives a token for pulling models/chat to those who are user:password or have the identity token.
// Each is good for one use fewer than the last: its number.
type tokenServer struct {
	*server
	given atomic.Int64
}

func serveTokens(t *testing.T) *tokenServer {
	ts := &tokenServer{}
	ts.server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		ok := user == "user" && password == "secret"
		if r.Method == http.MethodPost {
			ok = r.FormValue("refresh_token") == "identity" && r.FormValue("grant_type") == "refresh_token"
		}
		if !ok || r.FormValue("scope") != "repository:models/chat:pull" || r.FormValue("service") != "models" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprintf("issued-%d", ts.given.Add(1))})
	})
	return ts
}

// behindBearer lets only the last token of ts in.
func behindBearer(realm string, ts *tokenServer, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer issued-%d", ts.given.Load()) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="models",scope="repository:models/chat:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}

func TestTokenServer(t *testing.T) {
	for _, token := range []string{"user:secret", "<token>:identity"} {
		ts := serveTokens(t)
		reg := serve(t, behindBearer(ts.URL+"/token", ts, blob))
		host := reg.host("127.0.0.1")
		s := source(t, host, registry.Options{Tokens: map[string]string{host: token}})
		for range 3 {
			get(t, s, 0, 10, "")
		}
		if n := len(ts.asked()); n != 1 {
			t.Errorf("three segments asked for %d tokens", n)
		}
		ts.given.Add(1) // the token has expired
		get(t, s, 0, 10, "")
		for _, r := range reg.asked() {
			if h := r.Header.Get("Authorization"); strings.HasPrefix(h, "Basic") || strings.Contains(h, "identity") {
				t.Errorf("%s: the registry was sent what is for the token server", token)
			}
		}
		why := refusal(t, source(t, host, registry.Options{Tokens: map[string]string{host: "user:not-right"}}))
		contains(t, why, "401", "look whether it is right")
		noSecret(t, why, "not-right")
		contains(t, refusal(t, source(t, host, registry.Options{})), "401", "no token was sent")
	}
}

func TestBearerTokenAsItIs(t *testing.T) {
	ts := serveTokens(t)
	ts.given.Store(7)
	reg := serve(t, behindBearer(ts.URL+"/token", ts, blob))
	host := reg.host("127.0.0.1")
	get(t, source(t, host, registry.Options{Tokens: map[string]string{host: "issued-7"}}), 0, 10, "")
	if n := len(ts.asked()); n != 0 {
		t.Errorf("the token server was asked %d times", n)
	}
}

// What is for a registry goes to no storage host: not to one of another name, nor to another port of the same.
func TestNoCredentialsBehindRedirects(t *testing.T) {
	for _, name := range []string{"localhost", "127.0.0.1"} {
		for kind, token := range map[string]string{"basic": "user:pass:word", "bearer": "user:secret"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				storage := serve(t, func(w http.ResponseWriter, r *http.Request) {
					r.URL.Path = blobPath
					blob(w, r)
				})
				redirect := func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, "http://"+storage.host(name)+"/bucket/object?Signature=abcdef", http.StatusTemporaryRedirect)
				}
				ts := serveTokens(t)
				reg := serve(t, behindBearer(ts.URL+"/token", ts, redirect))
				if kind == "basic" {
					reg = serve(t, behindBasic(redirect))
				}
				host := reg.host("127.0.0.1")
				s := source(t, host, registry.Options{Tokens: map[string]string{host: token}})
				for range 2 { // with credentials that are asked for, and with those that are known
					if _, got := get(t, s, 100, 50, ""); string(got) != string(model[100:150]) {
						t.Errorf("got %d bytes", len(got))
					}
				}
				if len(storage.asked()) != 2 {
					t.Fatalf("the storage host was asked %d times", len(storage.asked()))
				}
				for _, r := range storage.asked() {
					for _, field := range []string{"Authorization", "Cookie", "Referer"} {
						if v := r.Header.Get(field); v != "" {
							t.Errorf("the storage host got %s: %s", field, v)
						}
					}
				}
			})
		}
	}
}

// A storage host that asks for credentials gets none, and is named; the signature in its address is not.
func TestStorageHostThatAsks(t *testing.T) {
	storage := serve(t, behindBasic(blob))
	reg := serve(t, behindBasic(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+storage.host("localhost")+"/object?Signature=abcdef", http.StatusFound)
	}))
	host := reg.host("127.0.0.1")
	s := source(t, host, registry.Options{Tokens: map[string]string{host: "user:pass:word"}})
	why := refusal(t, s)
	contains(t, why, storage.host("localhost"), "401")
	noSecret(t, why, "abcdef", "pass:word")
	storage.Close()
	err := failure(t, s)
	contains(t, err.Error(), "cannot reach "+storage.host("localhost"))
	noSecret(t, err.Error(), "abcdef", "pass:word")
}

// Each registry gets what is for it, not for another.
func TestOtherRegistrysToken(t *testing.T) {
	first, second := serve(t, behindBasic(blob)), serve(t, behindBasic(blob))
	c := client(t, registry.Options{Tokens: map[string]string{first.host("127.0.0.1"): "user:pass:word"}})
	get(t, sourceOf(t, c, "oci://"+first.host("127.0.0.1")+"/models/chat", modelSum), 0, 10, "")
	for _, host := range []string{second.host("127.0.0.1"), first.host("localhost")} {
		contains(t, refusal(t, sourceOf(t, c, "oci://"+host+"/models/chat", modelSum)), "no token was sent, since none is set for "+host)
	}
	for _, r := range second.asked() {
		if r.Header.Get("Authorization") != "" {
			t.Error("the second registry got what is for the first")
		}
	}
}

// Nothing leaves the machine in plain: no question, and no password for a token server.
func TestPlainHTTPElsewhere(t *testing.T) {
	const elsewhere = "192.0.2.1" // TEST-NET-1, RFC 5737
	redirects := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+elsewhere+"/object", http.StatusFound)
	})
	contains(t, refusal(t, source(t, redirects.host("127.0.0.1"), registry.Options{})), "plain http", elsewhere)
	asks := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+elsewhere+`/token",service="models"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	host := asks.host("127.0.0.1")
	contains(t, refusal(t, source(t, host, registry.Options{Tokens: map[string]string{host: "user:secret"}})), "plain http", elsewhere)
}

// A registry that says what it was told does not get a secret into a message.
func TestSecretsThatComeBack(t *testing.T) {
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="models"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{
			"code": "DENIED", "message": "not for " + r.Header.Get("Authorization") + " " + password + " at https://u:p4ss@x.example.com/y?key=k3y"}}})
	})
	host := reg.host("127.0.0.1")
	why := refusal(t, source(t, host, registry.Options{Tokens: map[string]string{host: "user:s3cret"}}))
	contains(t, why, "denied: not for Basic …", "https://x.example.com/y")
	noSecret(t, why, "s3cret", "dXNlcjpzM2NyZXQ=", "p4ss", "k3y")
}
