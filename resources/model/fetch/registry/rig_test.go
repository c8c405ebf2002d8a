package registry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// model is the content that registries of these tests have.
var model = []byte(strings.Repeat("GGUF and what follows. ", 1000))

var modelSum = sha256.Sum256(model)

var blobPath = "/v2/models/chat/blobs/sha256:" + hex.EncodeToString(modelSum[:])

// server is a registry, a storage host or a token server of a test, which remembers what it was asked.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(s.noting(h))
	t.Cleanup(s.Close)
	return s
}

func (s *server) noting(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Clone(context.Background()))
		s.mu.Unlock()
		h(w, r)
	}
}

func (s *server) asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.seen...)
}

// host is the server's host and port; called name instead of 127.0.0.1, it is another host to a client.
func (s *server) host(name string) string {
	return strings.Replace(s.Listener.Addr().String(), "127.0.0.1", name, 1)
}

// blob sends the model as a good registry does.
func blob(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != blobPath {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(model)))
}

func client(t *testing.T, o registry.Options) *registry.Client {
	t.Helper()
	c, err := registry.NewClient(o)
	check(t, err)
	return c
}

// source is the model in a registry, known by its SHA-256.
func source(t *testing.T, host string, o registry.Options) fetch.Source {
	t.Helper()
	return sourceOf(t, client(t, o), "oci://"+host+"/models/chat:v1", modelSum)
}

func sourceOf(t *testing.T, c *registry.Client, ref string, sum [32]byte) fetch.Source {
	t.Helper()
	s, err := c.Source(ref, sum)
	check(t, err)
	return s
}

// get opens a source and reads all that it sends.
func get(t *testing.T, s fetch.Source, off, length int64, same string) (*fetch.Body, []byte) {
	t.Helper()
	body, err := s.Open(t.Context(), off, length, same)
	check(t, err)
	defer body.Close()
	b, err := io.ReadAll(body)
	check(t, err)
	return body, b
}

// refusal opens a source that refuses, and returns why.
func refusal(t *testing.T, s fetch.Source) string {
	t.Helper()
	err := failure(t, s)
	refused, ok := errors.AsType[*fetch.RefusedError](err)
	if !ok {
		t.Fatalf("not refused, but %T: %v", err, err)
	}
	return refused.Why
}

func failure(t *testing.T, s fetch.Source) error {
	t.Helper()
	body, err := s.Open(t.Context(), 0, -1, "")
	if err == nil {
		body.Close()
		t.Fatal("it was opened")
	}
	return err
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serveTLS is serve at an address that is not this machine's own in name, with a certificate for it and for
// registry.example.com of a CA that is returned as PEM.
func serveTLS(t *testing.T, h http.HandlerFunc) (*server, []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("this test needs the address 127.0.0.2: %v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private CA of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 2)}, DNSNames: []string{"registry.example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	check(t, err)
	s := &server{Server: &httptest.Server{Listener: l}}
	s.Config = &http.Server{Handler: s.noting(h), ErrorLog: log.New(io.Discard, "", 0)}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
