package web_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// issuer is a private authority.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of the test's"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue makes a certificate for a name or address that ends at a time.
func (i issuer) issue(t *testing.T, host string, until time.Time) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if a := net.ParseIP(host); a != nil {
		template.IPAddresses = []net.IP{a}
	} else {
		template.DNSNames = []string{host}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveTLS starts a server with a certificate.
func serveTLS(t *testing.T, c tls.Certificate, h http.HandlerFunc, more ...func(*tls.Config)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	for _, m := range more {
		m(s.TLS)
	}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that do not trust it
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func soon() time.Time { return time.Now().Add(time.Hour) }

func TestAPrivateAuthority(t *testing.T) {
	ca := newIssuer(t)
	var protocol string
	s := serveTLS(t, ca.issue(t, "127.0.0.1", soon()), func(w http.ResponseWriter, r *http.Request) { protocol = r.Proto; have(w, r) })
	other := newIssuer(t)
	c := client(t, web.Options{CA: append(append(other.pem, "and some words\n"...), ca.pem...)})
	got, _, err := read(source(t, c, s.URL), 0, -1, "")
	if err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// The server offers HTTP/2 as well.
	if protocol != "HTTP/1.1" {
		t.Errorf("spoke %s", protocol)
	}
}

func TestACertificateThatIsNotTrusted(t *testing.T) {
	ca := newIssuer(t)
	for _, c := range []struct {
		name  string
		ca    []byte
		cert  tls.Certificate
		words []string
	}{
		{"no authority", nil, ca.issue(t, "127.0.0.1", soon()), []string{"unknown authority", "ca_file"}},
		{"another authority", newIssuer(t).pem, ca.issue(t, "127.0.0.1", soon()), []string{"unknown authority", "ca_file"}},
		{"another name", ca.pem, ca.issue(t, "models.example.com", soon()), []string{"it is for another host"}},
		{"expired", ca.pem, ca.issue(t, "127.0.0.1", time.Now().Add(-time.Minute)), []string{"it has expired", "clock"}},
	} {
		s := serveTLS(t, c.cert, have)
		_, _, err := read(source(t, client(t, web.Options{CA: c.ca}), s.URL), 0, -1, "")
		refused(t, err, append(c.words, "the certificate of 127.0.0.1:")...)
	}
}

func TestTLSBelow12IsNotSpoken(t *testing.T) {
	ca := newIssuer(t)
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		s := serveTLS(t, ca.issue(t, "127.0.0.1", soon()), have, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, version })
		_, _, err := read(source(t, client(t, web.Options{CA: ca.pem}), s.URL), 0, -1, "")
		if ok != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if !ok {
			passing(t, err, "cannot reach 127.0.0.1", "protocol version")
		}
	}
}

func TestPlainHTTPWhereTLSIsSpokenAndTheOtherWay(t *testing.T) {
	ca := newIssuer(t)
	plain := serve(t, have)
	_, err := get(t, strings.Replace(plain.URL, "http:", "https:", 1))
	refused(t, err, "answers without TLS")
	s := serveTLS(t, ca.issue(t, "127.0.0.1", soon()), have)
	_, err = get(t, strings.Replace(s.URL, "https:", "http:", 1))
	refused(t, err, "400 Bad Request", "HTTPS server")
}

func TestARedirectFromTLSToPlainHTTPIsNotFollowed(t *testing.T) {
	ca := newIssuer(t)
	asked, plain := record(t, have)
	s := serveTLS(t, ca.issue(t, "127.0.0.1", soon()), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	})
	_, _, err := read(source(t, client(t, web.Options{CA: ca.pem}), s.URL+"/chat.gguf"), 0, -1, "")
	refused(t, err, "from https to plain http", strings.TrimPrefix(plain.URL, "http://"))
	if n := len(asked.sent("")); n != 0 {
		t.Errorf("%d requests went there", n)
	}
	// The other way is.
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	})
	_, _, err = read(source(t, client(t, web.Options{CA: ca.pem}), up.URL), 0, -1, "")
	refused(t, err, "the certificate of localhost:")
}

// The system's certificates are read once in a process, so this asks another one.
func TestCertificatesOfTheSystem(t *testing.T) {
	if url := os.Getenv("AGENT0_TEST_URL"); url != "" {
		c := client(t, web.Options{CA: []byte(os.Getenv("AGENT0_TEST_CA"))})
		_, _, err := read(source(t, c, url), 0, -1, "")
		fmt.Printf("got: %v\n", err)
		return
	}
	system, ca := newIssuer(t), newIssuer(t)
	f := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(f, system.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		signer issuer
		ca     []byte
		want   string
	}{
		{system, nil, "got: <nil>"},
		{system, ca.pem, "got: <nil>"},
		{ca, ca.pem, "got: <nil>"},
		{ca, nil, "unknown authority"},
	} {
		s := serveTLS(t, c.signer.issue(t, "127.0.0.1", soon()), have)
		cmd := exec.Command(os.Args[0], "-test.run=^TestCertificatesOfTheSystem$")
		cmd.Env = append(os.Environ(), "AGENT0_TEST_URL="+s.URL, "AGENT0_TEST_CA="+string(c.ca), "SSL_CERT_FILE="+f)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
