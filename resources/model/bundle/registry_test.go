package bundle_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/bundle"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// carried pushes a bundle to a registry and pulls it from there, and gets a part of a model by its digest.
func carried(t *testing.T, d *distribution, o registry.Options) {
	t.Helper()
	dir, to, h, c := t.TempDir(), t.TempDir(), onHost(t, host.Options{}), client(t, o)
	check(t, create(t, h, dir, chat, embed))
	for range 2 { // the second time it is all there
		check(t, opened(t, h, dir).Push(t.Context(), c, d.ref("all:v1")))
	}
	s, err := c.Source(d.ref("all:v1"), embed.SHA256)
	check(t, err)
	body, got := get(t, s, 1000, 500, "")
	if !bytes.Equal(got, embed.content[1000:1500]) || body.Offset != 1000 || body.Size != embed.Size || !body.Ranges {
		t.Errorf("%+v with %d bytes", body, len(got))
	}
	check(t, bundle.Pull(t.Context(), h.Files, to, c, d.ref("all:v1"), nil))
	holds(t, h, to, chat, embed)
	if a, b := index(t, dir), index(t, to); a != b {
		t.Errorf("what was pulled differs from what was pushed: %s, %s", a, b)
	}
}

func index(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	check(t, err)
	return string(b)
}

func TestRealRegistry(t *testing.T) {
	d := startRegistry(t, "127.0.0.1", "", "")
	carried(t, d, registry.Options{})
	c, h := client(t, registry.Options{}), onHost(t, host.Options{})
	single := t.TempDir()
	check(t, create(t, h, single, chat))
	check(t, opened(t, h, single).Push(t.Context(), c, d.ref("chat")))
	found, err := c.Resolve(t.Context(), d.ref("chat"))
	check(t, err)
	if found.SHA256 != chat.SHA256 || found.Size != chat.Size || found.File != chat.File {
		t.Errorf("found %+v", found)
	}
	for _, ref := range []string{d.ref("chat"), d.ref("chat:latest"), d.ref("chat@" + found.Manifest)} {
		s, err := c.Source(ref, [32]byte{})
		check(t, err)
		if _, got := get(t, s, 0, -1, ""); !bytes.Equal(got, chat.content) {
			t.Errorf("%s is something else", ref)
		}
	}
	var nothing [32]byte
	nothing[0] = 1
	s, err := c.Source(d.ref("chat"), nothing)
	check(t, err)
	refused(t, s, "there is no such model in models/chat")
}

// A mirror that is down, and one that has not got the model, say so in ways that tell them apart, and the one
// behind them has it.
func TestMirrors(t *testing.T) {
	down, empty, good := startRegistry(t, "127.0.0.1", "", ""), startRegistry(t, "127.0.0.1", "", ""), startRegistry(t, "127.0.0.1", "", "")
	dir, h, c := t.TempDir(), onHost(t, host.Options{}), client(t, registry.Options{})
	check(t, create(t, h, dir, chat))
	check(t, opened(t, h, dir).Push(t.Context(), c, good.ref("chat")))
	down.stop()
	var said []string
	for _, d := range []*distribution{down, empty, good} {
		s, err := c.Source(d.ref("chat"), chat.SHA256)
		check(t, err)
		body, err := s.Open(t.Context(), 0, -1, "")
		_, isRefused := errors.AsType[*fetch.RefusedError](err)
		switch {
		case err == nil:
			check(t, body.Close())
			said = append(said, "has it")
		case isRefused:
			said = append(said, "refused")
		default:
			said = append(said, "passing")
		}
	}
	if got := strings.Join(said, ", "); got != "passing, refused, has it" {
		t.Error(got)
	}
}

// secretHash is "secret" as htpasswd -B writes it.
const secretHash = "$2b$05$.mta/7bt6xjtWCjYbPF2FOUoiSndPI4c5oopsGyN9yy8aJRUS5O06"

func TestRealRegistryWithPasswords(t *testing.T) {
	users := filepath.Join(t.TempDir(), "htpasswd")
	check(t, os.WriteFile(users, []byte("user:"+secretHash+"\n"), 0o600))
	d := startRegistry(t, "127.0.0.1", "", "auth: {htpasswd: {realm: models, path: "+users+"}}\n")
	carried(t, d, registry.Options{Tokens: map[string]string{d.host: "user:secret"}})
	for token, says := range map[string]string{"": "no token was sent", "user:s3cret": "look whether it is right"} {
		o := registry.Options{}
		if token != "" {
			o.Tokens = map[string]string{d.host: token}
		}
		s, err := client(t, o).Source(d.ref("all:v1"), chat.SHA256)
		check(t, err)
		refused(t, s, says)
		dir, h := t.TempDir(), onHost(t, host.Options{})
		check(t, create(t, h, dir, chat))
		err = opened(t, h, dir).Push(t.Context(), client(t, o), d.ref("other"))
		failsWith(t, err, "cannot push", says)
		if !without(err.Error(), "s3cret") {
			t.Errorf("%q has the password in it", err)
		}
	}
}

func TestRealRegistryWithPrivateCA(t *testing.T) {
	cert, key, _, _ := certificate(t, "127.0.0.2")
	d := startRegistry(t, "127.0.0.2", "  tls: {certificate: "+cert+", key: "+key+"}\n", "")
	ca, err := os.ReadFile(cert)
	check(t, err)
	carried(t, d, registry.Options{CA: ca})
	s, err := client(t, registry.Options{}).Source(d.ref("all:v1"), chat.SHA256)
	check(t, err)
	refused(t, s, "the certificate of "+d.host+" is not trusted")
}

// A registry whose tokens another server signs (distribution.github.io/distribution/spec/auth/jwt).
func TestRealRegistryWithTokenServer(t *testing.T) {
	cert, _, priv, der := certificate(t, "127.0.0.1")
	var asked atomic.Int64
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]string{"token": sign(t, priv, der, r.URL.Query()["scope"])})
	}))
	t.Cleanup(tokens.Close)
	d := startRegistry(t, "127.0.0.1", "", "auth: {token: {realm: "+tokens.URL+"/token, service: models, issuer: test, rootcertbundle: "+cert+"}}\n")
	carried(t, d, registry.Options{Tokens: map[string]string{d.host: "user:secret"}})
	if n := asked.Load(); n == 0 || n > 4 { // to push and to pull: once for each scope
		t.Errorf("the token server was asked %d times", n)
	}
	s, err := client(t, registry.Options{}).Source(d.ref("all:v1"), chat.SHA256)
	check(t, err)
	refused(t, s, "no token was sent")
}

// sign writes a token that allows what scopes ask for, such as "repository:models/all:pull,push".
func sign(t *testing.T, priv *ecdsa.PrivateKey, der []byte, scopes []string) string {
	access := []map[string]any{}
	for _, s := range scopes {
		part := strings.Split(s, ":")
		access = append(access, map[string]any{"type": part[0], "name": part[1], "actions": strings.Split(part[2], ",")})
	}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now().Unix()
	text := encode(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(der)}}) + "." +
		encode(map[string]any{"iss": "test", "sub": "user", "aud": "models", "exp": now + 600, "nbf": now - 60, "iat": now, "jti": "1", "access": access})
	hash := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, priv, hash[:])
	if err != nil {
		t.Error(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}
