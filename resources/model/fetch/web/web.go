// Package web gets files over http and https. A source asks for ranges where the server has them, follows
// redirects, goes through the proxies that the environment names, and sends a token to nobody but the host that
// it was given for. What it says about what went wrong names hosts and paths, never a password, token or query.
package web

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options is what a Client needs to know; the zero value is one without tokens that trusts the system's certificates.
type Options struct {
	// Tokens are the bearer tokens to send, by the host, or host:port, that each is for. One with a colon in it,
	// "user:password", is sent as Basic. A host without a port has the default one of the URL's scheme.
	Tokens map[string]string
	// CA is the certificates, as PEM, of authorities to trust besides the system's.
	CA []byte
	// UserAgent is what the client calls itself; "agent0-converge" where it is empty.
	UserAgent string
	// Connect, Handshake and Header are how long to wait for a TCP connection (10 s where it is 0), for TLS (10 s),
	// and for an answer to begin (60 s). How long its body takes has no limit here.
	Connect, Handshake, Header time.Duration
}

// Client is what all sources of one run share: connections, proxies, tokens. It may be used by several
// goroutines at once.
type Client struct {
	transport *http.Transport
	proxy     func(*url.URL) (*url.URL, error)
	agent     string
	tokens    tokens
	secrets   []string // what no error may quote
}

// NewClient makes a client. It reads the proxies from the environment now.
func NewClient(o Options) (*Client, error) {
	transport, secrets, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	known, err := newTokens(o.Tokens)
	if err != nil {
		return nil, err
	}
	c := &Client{transport: transport, agent: cmp.Or(o.UserAgent, "agent0-converge"), tokens: known, secrets: secrets}
	c.proxy = func(u *url.URL) (*url.URL, error) { return transport.Proxy(&http.Request{URL: u}) }
	for _, token := range o.Tokens {
		c.secrets = append(c.secrets, secretsOf(token)...)
	}
	return c, nil
}

// Close closes the connections that no Body uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// NewTransport makes the transport that a Client of these options has: its proxies, certificates and time limits.
// Tokens, redirects and the words for errors are the Client's.
//
// It speaks HTTP/1.1 alone. Segments that come in parallel each have a connection of their own that way, where HTTP/2
// would put them all through one, whose loss of a packet stops them all and whose flow control windows cap them.
func NewTransport(o Options) (*http.Transport, error) {
	t, _, err := newTransport(o)
	return t, err
}

// newTransport returns also the secrets of the proxies.
func newTransport(o Options) (t *http.Transport, secrets []string, err error) {
	roots, err := authorities(o.CA)
	if err != nil {
		return nil, nil, err
	}
	proxy, secrets, err := proxies()
	if err != nil {
		return nil, nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		OnProxyConnectResponse: tunnel,
		DialContext:            (&net.Dialer{Timeout: cmp.Or(o.Connect, 10*time.Second)}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    cmp.Or(o.Handshake, 10*time.Second),
		ResponseHeaderTimeout:  cmp.Or(o.Header, time.Minute),
		DisableCompression:     true,
		Protocols:              protocols,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
	}, secrets, nil
}

// authorities returns the system's certificates and those of ca, nil for the system's alone.
func authorities(ca []byte) (*x509.CertPool, error) {
	if len(ca) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("cannot read the system's certificates: %w", err)
	}
	found := 0
	for block, rest := pem.Decode(ca); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("cannot read certificate %d of the authority's: %w", found+1, err)
		}
		pool.AddCert(cert)
		found++
	}
	if found == 0 {
		return nil, errors.New("the authority's file holds no certificate: it must be PEM, with BEGIN CERTIFICATE")
	}
	return pool, nil
}
