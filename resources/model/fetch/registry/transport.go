package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// storeTimeout is how long a registry may take to say that it has a blob: it reads that again before.
const storeTimeout = 30 * time.Minute

const maxRedirects = 10

// transport carries requests to registries.
type transport struct {
	ask   *http.Transport
	store *http.Transport // for uploads
}

func newTransport(ca []byte) (*transport, error) {
	ask, err := web.NewTransport(web.Options{CA: ca})
	if err != nil {
		return nil, err
	}
	told := ask.OnProxyConnectResponse
	ask.OnProxyConnectResponse = func(ctx context.Context, proxy *url.URL, r *http.Request, resp *http.Response) error {
		err := told(ctx, proxy, r, resp)
		if err != nil && resp.StatusCode == http.StatusProxyAuthRequired {
			return &refusal{err.Error()}
		}
		return err
	}
	store := ask.Clone()
	store.ResponseHeaderTimeout = storeTimeout
	store.WriteBufferSize = 256 << 10
	return &transport{ask, store}, nil
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		return t.store.RoundTrip(r)
	}
	return t.ask.RoundTrip(r)
}

// CloseIdleConnections lets go of connections that nobody uses.
func (t *transport) CloseIdleConnections() {
	t.ask.CloseIdleConnections()
	t.store.CloseIdleConnections()
}

// refusal is a request that is not sent, or of which the answer is known beforehand.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }

// guard lets nothing leave this machine in plain, whoever asked for it: an address, a redirect, or a registry that
// names its token server.
type guard struct{ next http.RoundTripper }

// CloseIdleConnections lets go of connections that nobody uses.
func (g guard) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a request, or refuses to.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, &refusal{"plain http is for registries on this machine only, not for " + r.URL.Host}
	}
	return g.next.RoundTrip(r)
}

// checkRedirect is asked after oras-go took away the credentials that are not for where a redirect leads.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return &refusal{fmt.Sprintf("it redirects more than %d times", maxRedirects)}
	}
	if r.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" {
		return &refusal{"it redirects from https to plain http at " + r.URL.Host}
	}
	r.Header.Del("Referer") // where it comes from is nothing to a storage host
	return nil
}
