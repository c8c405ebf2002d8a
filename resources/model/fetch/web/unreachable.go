package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// unreachable puts the error of a question that got no answer into words. Most pass; a certificate that is not
// trusted and a proxy that says no stay.
func (x *exchange) unreachable(err error) error {
	if x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	var denied *proxyError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &denied):
		return x.proxied(denied)
	case errors.As(err, &cert):
		return x.refused("%s", distrust(cmp.Or(x.proxyOf(err), x.at.Host), cert.Err))
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return x.refused("%s answers without TLS: is its URL http, or its port another?", x.at.Host)
	}
	if proxy := x.proxyOf(err); proxy != "" {
		return &fetch.UnreachableError{Err: x.failed(err, "cannot reach %s through %s: %s", x.at.Host, proxy, reason(err))}
	}
	return &fetch.UnreachableError{Err: x.failed(WithRoute(err), "cannot reach %s: %s", x.at.Host, reason(err))}
}

// WithRoute adds to an error of the resolver that there is no way to the name server, which it says in words alone: a
// machine without a network is known by that.
func WithRoute(err error) error {
	var dns *net.DNSError
	if !errors.As(err, &dns) || dns.Server == "" {
		return err
	}
	conn, dialErr := net.Dial("udp", dns.Server) // which sends nothing
	if dialErr != nil {
		return errors.Join(err, dialErr)
	}
	conn.Close()
	return err
}

// proxied is the error of a proxy that makes no tunnel: one that is busy, or cannot reach the host, may do so later.
func (x *exchange) proxied(e *proxyError) error {
	if e.status >= 500 || e.status == http.StatusRequestTimeout || e.status == http.StatusTooManyRequests {
		return x.failed(e, "cannot reach %s: %v", x.at.Host, e)
	}
	if e.status == http.StatusProxyAuthRequired {
		return x.refused("%v", e)
	}
	return x.refused("%v, asked for %s", e, x.at.Host)
}

// proxyOf names the proxy that err is about, "" where it is about the host itself.
func (x *exchange) proxyOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect") {
		if p, perr := x.source.client.proxy(x.at); perr == nil && p != nil {
			return "the proxy " + p.Host
		}
	}
	return ""
}

// reason says why a connection failed, and what was tried.
func reason(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s (%v)", dns.Name, err)
	case errors.As(err, &dns):
		return fmt.Sprintf("the address of %s cannot be found now (%v)", dns.Name, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens there (%v)", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer in time (%v)", err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("it hung up without an answer (%v)", err)
	}
	return err.Error()
}

// distrust says what is wrong with a host's certificate, and what to do.
func distrust(host string, err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	says := fmt.Sprintf("the certificate of %s is not trusted (%v): ", host, err)
	switch {
	case errors.As(err, &unknown):
		return says + "name the certificate of the authority that signed it in ca_file, or add it to the system's"
	case errors.As(err, &name):
		return says + "it is for another host: check the URL, and whether a proxy answers in its place"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return says + fmt.Sprintf("it has expired, or this machine's clock, at %s, is wrong", time.Now().UTC().Format(time.RFC3339))
	}
	return says + "name the authority's certificate in ca_file if it is right"
}
