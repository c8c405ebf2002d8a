// Package registry gets models from OCI registries: a model is a blob there, and a blob's name is its SHA-256.
// What is sent follows the OCI distribution specification 1.1.
package registry

import (
	"net/http"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// Options say how registries are reached.
type Options struct {
	// Tokens are what registries ask for, by host, with the port unless it is 443: "user:password", or a bearer
	// token, which is sent as it is. "<token>:…" is an identity token, as docker's credential helpers write it,
	// which is exchanged for one. Each goes to its registry, and to whom that names as its token server. Those for
	// other hosts are not looked at.
	Tokens map[string]string
	// CA are certificates in PEM that are trusted besides those of the system.
	CA []byte
	// UserAgent is how requests name this program.
	UserAgent string
	// Transport, where not nil, carries the requests, and CA is not looked at.
	Transport http.RoundTripper
}

// Client asks registries. It may be used by several goroutines at once. It does not try anything again:
// that is up to those who use it.
type Client struct {
	auth   *auth.Client
	tokens map[string]string // by host as hostKey writes it
}

// NewClient returns a client for what o says. Proxies are taken from the environment as it is now.
func NewClient(o Options) (*Client, error) {
	next := o.Transport
	if next == nil {
		t, err := newTransport(o.CA)
		if err != nil {
			return nil, err
		}
		next = t
	}
	c := &Client{tokens: map[string]string{}}
	for host, token := range o.Tokens {
		c.tokens[hostKey(host)] = token
	}
	c.auth = &auth.Client{
		// Not oras-go's client that tries again: each try of a fetch would become several.
		Client:     &http.Client{Transport: guard{next}, CheckRedirect: checkRedirect},
		Header:     http.Header{},
		Credential: c.credential,
		Cache:      auth.NewCache(),
	}
	if o.UserAgent != "" {
		c.auth.SetUserAgent(o.UserAgent)
	}
	return c, nil
}

// Close lets go of connections that nobody uses.
func (c *Client) Close() { c.auth.Client.CloseIdleConnections() }
