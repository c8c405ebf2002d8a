package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// take makes a Body out of an answer, or an error, and is done with it then.
func (x *exchange) take(answer *http.Response, r request) (*fetch.Body, error) {
	got, err := x.judge(answer, r)
	if err != nil {
		x.finish(answer)
	}
	return got, err
}

func (x *exchange) judge(answer *http.Response, r request) (*fetch.Body, error) {
	if n, told := shorter(answer); told && n == r.off {
		return x.end(answer, r)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusPartialContent {
		return nil, x.denied(answer, r)
	}
	if encoding := answer.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, x.refused("%s sends the file in the encoding %q, though asked for it as it is", x.who(), encoding)
	}
	if isPage(answer) && !x.source.page() {
		return nil, x.refused("%s sends an HTML page%s, not the file: a login page, or one of a proxy?", x.who(), quote(x.title(answer)))
	}
	if answer.StatusCode == http.StatusOK {
		return x.whole(answer, r), nil
	}
	return x.part(answer, r)
}

// whole is an answer with all of the file.
func (x *exchange) whole(answer *http.Response, r request) *fetch.Body {
	size, v := answer.ContentLength, version(answer.Header)
	// A server that was asked for a range and has no reason to send all does not know how, whatever it says.
	ignored := !r.whole() && (r.same == "" || r.same == v)
	return &fetch.Body{
		ReadCloser: x.body(answer, size),
		Size:       size,
		Version:    v,
		Ranges:     size >= 0 && !ignored && acceptsRanges(answer.Header),
	}
}

func acceptsRanges(h http.Header) bool {
	for _, unit := range strings.Split(h.Get("Accept-Ranges"), ",") {
		if strings.EqualFold(strings.TrimSpace(unit), "bytes") {
			return true
		}
	}
	return false
}

// part is an answer with some of the file. Its end is what was asked for: a server that sends less has broken off.
func (x *exchange) part(answer *http.Response, r request) (*fetch.Body, error) {
	if t := mediaType(answer); strings.HasPrefix(t, "multipart/") {
		return nil, x.refused("%s sends the file in parts, as %q, though one was asked for", x.who(), t)
	}
	field := answer.Header.Get("Content-Range")
	c, ok := ParseContentRange(field)
	if !ok {
		return nil, x.refused("%s sends a part of the file without saying which: its Content-Range is %q", x.who(), field)
	}
	length := c.Last - c.First + 1
	if c.First != r.off || answer.ContentLength >= 0 && answer.ContentLength != length {
		return nil, x.refused("%s was asked for the bytes from %d on and sends a Content-Range of %q with %d bytes", x.who(), r.off, field, answer.ContentLength)
	}
	v, err := r.versionOf(answer.Header)
	if err != nil {
		return nil, err
	}
	if c.Size >= 0 {
		length = c.Size - r.off
	}
	if r.length >= 0 {
		length = min(length, r.length)
	}
	return &fetch.Body{ReadCloser: x.body(answer, length), Offset: r.off, Size: c.Size, Version: v, Ranges: true}, nil
}

// end is an answer that has nothing to send, because what was asked for begins where the file ends.
func (x *exchange) end(answer *http.Response, r request) (*fetch.Body, error) {
	v, err := r.versionOf(answer.Header)
	if err != nil {
		return nil, err
	}
	return &fetch.Body{ReadCloser: x.body(answer, 0), Offset: r.off, Size: r.off, Version: v, Ranges: true}, nil
}

func mediaType(answer *http.Response) string {
	t, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func isPage(answer *http.Response) bool {
	t := mediaType(answer)
	return t == "text/html" || t == "application/xhtml+xml"
}

// denied is the error of an answer that has nothing of the file.
func (x *exchange) denied(answer *http.Response, r request) error {
	code, says := answer.StatusCode, fmt.Sprintf("%s answers %s%s", x.who(), status(answer.StatusCode), quote(x.message(answer)))
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return x.refused("%s: %s", says, x.credentials())
	case code == http.StatusNotFound || code == http.StatusGone:
		return x.refused("%s: there is no such file", says)
	case code == http.StatusProxyAuthRequired:
		if p, err := x.source.client.proxy(x.at); err == nil && p != nil {
			return x.refused("%v", &proxyError{host: p.Host, status: code, asked: p.User != nil})
		}
	case code == http.StatusRequestedRangeNotSatisfiable:
		return x.refused("%s: %s", says, short(answer, r.off))
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return &fetch.BusyError{Source: x.source.String(), Why: x.clean(says), After: RetryAfter(answer.Header, time.Now())}
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code >= 500 && code < 600:
		return x.failed(nil, "cannot get it from %s: %s", x.at.Host, says)
	}
	return x.refused("%s", says)
}

// credentials says what was sent to a host that denies the file, and what to do.
func (x *exchange) credentials() string {
	header := x.source.authorization(x.at)
	switch {
	case x.sent != "":
		return fmt.Sprintf("it was sent the %s for %s: check that they are right and may read this file", kind(x.sent), x.at.Host)
	case header != "":
		return fmt.Sprintf("the %s for %s was not sent, because this is plain http", kind(header), x.at.Host)
	}
	return fmt.Sprintf("no token was sent: if the file needs one, set it in tokens, for %q", authority(x.at, ""))
}

// shorter is how long a file is that has nothing of what was asked for, where the server tells that.
func shorter(answer *http.Response) (int64, bool) {
	size, found := strings.CutPrefix(answer.Header.Get("Content-Range"), "bytes */")
	n, err := strconv.ParseUint(size, 10, 63)
	return int64(n), answer.StatusCode == http.StatusRequestedRangeNotSatisfiable && found && err == nil
}

// short tells of a file that ends before off.
func short(answer *http.Response, off int64) string {
	if n, told := shorter(answer); told {
		return fmt.Sprintf("the file has %d bytes, and those from %d on were asked for", n, off)
	}
	return fmt.Sprintf("the file has no bytes from %d on", off)
}

// status is a code with its name, without what the server calls it.
func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}
