package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// answer is what a server said that did not give what was asked for.
type answer struct {
	host    string // whose answer it is: also that of a storage host or a token server
	status  int
	says    string // its own words, on one line
	after   time.Duration
	partial string // the Range that was asked for
	size    string // the Content-Range of a 416
}

// answerOf reads an answer and the beginning of its body.
func answerOf(resp *http.Response, partial string) answer {
	a := answer{host: resp.Request.URL.Host, status: resp.StatusCode, partial: partial, size: resp.Header.Get("Content-Range")}
	a.after = web.RetryAfter(resp.Header, time.Now())
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	var said struct{ Errors errcode.Errors }
	if err == nil && json.Unmarshal(body, &said) == nil && len(said.Errors) > 0 {
		a.says = oneLine(messages(said.Errors))
	}
	return a
}

// messages are a registry's errors without their details, which can be anything.
func messages(errs errcode.Errors) string {
	var out []string
	for _, e := range errs {
		out = append(out, errcode.Error{Code: e.Code, Message: e.Message}.Error())
	}
	return strings.Join(out, "; ")
}

// oneLine makes visible what would change a terminal, and cuts what is long.
func oneLine(s string) string {
	s = strings.Trim(strconv.Quote(s), `"`)
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// denied tells of an answer what it means for a fetch.
func (c *Client) denied(ref reference, a answer) error {
	what := fmt.Sprintf("%s: %d %s", a.host, a.status, http.StatusText(a.status))
	if a.says != "" {
		what += ": " + c.clean(a.says)
	}
	refused := func(why string) error { return &fetch.RefusedError{Source: ref.text, Why: what + why} }
	switch {
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
		return &fetch.BusyError{Source: ref.text, Why: what, After: a.after}
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly, a.status >= 500:
		return fmt.Errorf("%s: %s", ref.text, what)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return refused(": " + c.advice(ref))
	case a.status == http.StatusNotFound:
		return refused(": there is no such model in " + ref.Repository + ", or it is not for everybody: " + c.advice(ref))
	case a.status == http.StatusRequestedRangeNotSatisfiable:
		return refused(fmt.Sprintf(": asked for %s it says %q: the blob is shorter", a.partial, a.size))
	case a.status == http.StatusProxyAuthRequired:
		return refused(": the proxy asks for a user and a password: put them into its address in HTTP_PROXY")
	}
	return refused("")
}

// advice says what can be done where a registry denies something.
func (c *Client) advice(ref reference) string {
	host := ref.Host()
	if _, ok := c.tokens[hostKey(host)]; ok {
		return "the token for " + host + " was sent to it; look whether it is right, still valid and good for " + ref.Repository
	}
	return "no token was sent, since none is set for " + host
}

// failed tells of a request that got no answer, or a wrong one on the way to it, what it means for a fetch.
func (c *Client) failed(ctx context.Context, ref reference, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", ref.text, context.Cause(ctx))
	}
	refused := func(why string) error { return &fetch.RefusedError{Source: ref.text, Why: why} }
	if e, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		a := answer{host: ref.Host(), status: e.StatusCode, says: oneLine(messages(e.Errors))}
		if e.URL != nil {
			a.host = e.URL.Host
		}
		return c.denied(ref, a)
	}
	if e, ok := errors.AsType[*refusal](err); ok {
		return refused(e.why)
	}
	if why := c.untrusted(ref, err); why != "" {
		return refused(why)
	}
	host := ref.Host()
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(e.URL); parseErr == nil {
			host = u.Host // perhaps where it redirects to
		}
		return c.unreachable(ref, host, e.Err)
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return c.unreachable(ref, host, err)
	}
	switch {
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return refused(host + " asks for a user and a password: " + c.advice(ref))
	case errors.Is(err, errdef.ErrNotFound):
		return refused("there is no such thing: " + c.advice(ref))
	}
	return refused(c.clean(err.Error())) // oras-go does not like the answer
}

func (c *Client) unreachable(ref reference, host string, err error) error {
	text := fmt.Sprintf("%s: cannot reach %s: %s", ref.text, host, c.clean(err.Error()))
	return &fetch.UnreachableError{Err: &passing{text, web.WithRoute(err)}}
}

// untrusted says why a host is not who it should be, "" if that is not what is wrong.
func (c *Client) untrusted(ref reference, err error) string {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	host := ref.Host()
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(e.URL); parseErr == nil {
			host = u.Host
		}
	}
	if verify || unknown || name || invalid {
		return fmt.Sprintf("the certificate of %s is not trusted: %s: if it is one of your own, name its CA (ca_file)", host, c.clean(bare(err).Error()))
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return host + " does not speak TLS: plain http is for registries on this machine only"
	}
	return ""
}

// bare takes the address of the request off an error.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// passing is an error that may be gone the next time.
type passing struct {
	text string
	err  error
}

func (e *passing) Error() string { return e.text }
func (e *passing) Unwrap() error { return e.err }

// address matches the addresses in a message, which may have a password or be signed.
var address = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)([^\s/"'@]*@)?([^\s"'?#]*)([?#][^\s"']*)?`)

// clean takes out of a message what nobody else must read.
func (c *Client) clean(s string) string {
	s = address.ReplaceAllString(s, "$1$3")
	for _, secret := range c.secrets() {
		s = strings.ReplaceAll(s, secret, "…")
	}
	return s
}
