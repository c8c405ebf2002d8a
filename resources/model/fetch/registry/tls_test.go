package registry_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
)

func TestPrivateCA(t *testing.T) {
	reg, ca := serveTLS(t, blob)
	host := reg.Listener.Addr().String()
	get(t, source(t, host, registry.Options{CA: ca}), 10, 10, "")
	contains(t, refusal(t, source(t, host, registry.Options{})), "the certificate of "+host+" is not trusted", "ca_file")
	if _, err := registry.NewClient(registry.Options{CA: []byte("none")}); err == nil {
		t.Error("a CA file without a certificate is taken")
	}
}

func TestNoTLSThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	check(t, err)
	reg := &http.Server{Handler: http.HandlerFunc(blob)}
	ended := make(chan error, 1)
	go func() { ended <- reg.Serve(l) }()
	t.Cleanup(func() { reg.Close(); <-ended })
	contains(t, refusal(t, source(t, l.Addr().String(), registry.Options{})), "does not speak TLS")
}

func TestRedirectToPlain(t *testing.T) {
	storage := serve(t, blob)
	reg, ca := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, storage.URL+"/object", http.StatusFound)
	})
	contains(t, refusal(t, source(t, reg.Listener.Addr().String(), registry.Options{CA: ca})), "redirects from https to plain http")
	if n := len(storage.asked()); n != 0 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestRedirectsInACircle(t *testing.T) {
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	contains(t, refusal(t, source(t, reg.host("127.0.0.1"), registry.Options{})), "redirects more than 10 times")
}

// A registry behind a proxy of the environment, which may ask for a password of its own.
func TestProxy(t *testing.T) {
	reg, ca := serveTLS(t, behindBasic(blob))
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic cHJveHk6aHVzaA==" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		to, err := net.Dial("tcp", reg.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		w.WriteHeader(http.StatusOK)
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		done := make(chan struct{})
		go func() { defer close(done); _, _ = io.Copy(to, from); to.Close() }()
		_, _ = io.Copy(from, to)
		from.Close()
		<-done
	})
	o := registry.Options{CA: ca, Tokens: map[string]string{"registry.example.com": "user:pass:word"}}
	t.Setenv("HTTPS_PROXY", "http://proxy:hush@"+proxy.host("127.0.0.1"))
	get(t, source(t, "registry.example.com", o), 10, 10, "")
	for _, r := range proxy.asked() {
		if r.Header.Get("Authorization") != "" {
			t.Error("the proxy got what is for the registry")
		}
	}
	t.Setenv("HTTPS_PROXY", "http://proxy:loud@"+proxy.host("127.0.0.1"))
	why := refusal(t, source(t, "registry.example.com", o))
	contains(t, why, "proxy "+proxy.host("127.0.0.1"))
	noSecret(t, why, "loud")
}
