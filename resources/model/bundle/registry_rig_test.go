package bundle_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/daemon"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

// distribution is a real registry, of the package docker-registry.
type distribution struct {
	host string
	stop func()
}

// startRegistry starts a real registry at an address; extra is added to its configuration, below "http" and at the
// end, both of YAML.
func startRegistry(t *testing.T, ip, http, end string) *distribution {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is missing: apt-get install docker-registry")
	}
	host, err := daemon.FreeAddress(ip)
	if err != nil {
		t.Skipf("this test needs the address %s: %v", ip, err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	check(t, os.WriteFile(config, fmt.Appendf(nil, `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}}
http:
  addr: %s
%s%s`, filepath.Join(dir, "storage"), host, http, end), 0o600))
	cmd := exec.Command(program, "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	d, err := daemon.Start(cmd, host)
	check(t, err)
	stop := func() { check(t, d.Close()) }
	t.Cleanup(stop)
	return &distribution{host: host, stop: stop}
}

func (d *distribution) ref(name string) string { return "oci://" + d.host + "/models/" + name }

func client(t *testing.T, o registry.Options) *registry.Client {
	t.Helper()
	c, err := registry.NewClient(o)
	check(t, err)
	return c
}

// certificate makes one that signs itself, for an address, and writes it and its key to files.
func certificate(t *testing.T, ip string) (cert, key string, priv *ecdsa.PrivateKey, der []byte) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private CA of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.ParseIP(ip)},
	}
	der, err = x509.CreateCertificate(rand.Reader, about, about, &priv.PublicKey, priv)
	check(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	check(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	check(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	_, err = tls.LoadX509KeyPair(cert, key)
	check(t, err)
	return cert, key, priv, der
}

func without(text string, secrets ...string) bool {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return false
		}
	}
	return true
}
