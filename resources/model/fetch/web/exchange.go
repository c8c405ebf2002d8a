package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// redirects is how many are followed in a row.
const redirects = 10

// exchange is one question to a source, with all redirects, and its answer.
type exchange struct {
	source *source
	ctx    context.Context
	at     *url.URL           // who is asked now
	hangUp context.CancelFunc // ends what is asked there, also its body
	sent   string             // the Authorization sent there
	hidden []string           // what the redirects have that no error may quote
}

func (x *exchange) open(r request) (*fetch.Body, error) {
	if x.source.authorization(x.at) != "" && !private(x.at) {
		return nil, x.refused("the %s for %s would go over plain http, where everybody on the way can read it: use https",
			kind(x.source.authorization(x.at)), x.at.Host)
	}
	for range redirects + 1 {
		answer, err := x.send(r)
		if err != nil {
			return nil, x.unreachable(err)
		}
		if !isRedirect(answer.StatusCode) {
			return x.take(answer, r)
		}
		err = x.move(answer)
		x.read(answer, 2<<10) // so that the connection can be used again
		x.finish(answer)
		if err != nil {
			return nil, err
		}
	}
	return nil, x.refused("it redirects more than %d times, at last to %s", redirects, x.at.Host)
}

// send asks x.at. It does without http.Client, which tells the next host in a Referer where it was redirected from,
// query and all, decides itself to whom an Authorization goes on, and sends the user of a URL that it is redirected to.
func (x *exchange) send(r request) (*http.Response, error) {
	h := http.Header{"User-Agent": {x.source.client.agent}, "Accept": {"*/*"}, "Accept-Encoding": {"identity"}}
	r.describe(h)
	x.sent = ""
	if header := x.source.authorization(x.at); header != "" && private(x.at) {
		x.sent = header
		h.Set("Authorization", header)
	}
	ctx, hangUp := context.WithCancel(x.ctx)
	q := &http.Request{Method: http.MethodGet, URL: x.at, Host: x.at.Host, Header: h}
	answer, err := x.source.client.transport.RoundTrip(q.WithContext(ctx))
	if err != nil {
		hangUp()
		return nil, err
	}
	x.hangUp = hangUp
	return answer, nil
}

// finish is done with an answer.
func (x *exchange) finish(answer *http.Response) {
	answer.Body.Close()
	x.hangUp()
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// move goes where answer redirects to.
func (x *exchange) move(answer *http.Response) error {
	location := answer.Header.Get("Location")
	if location == "" {
		return x.refused("%s answers %s without saying where to", x.who(), status(answer.StatusCode))
	}
	to, err := x.at.Parse(location)
	if err != nil {
		return x.refused("%s redirects to something that is no URL", x.who())
	}
	x.hidden = append(x.hidden, querySecrets(to)...)
	switch {
	case to.Scheme != "http" && to.Scheme != "https" || to.Hostname() == "":
		return x.refused("%s redirects to a URL that is not http or https, but %q", x.who(), to.Scheme)
	case x.at.Scheme == "https" && to.Scheme == "http":
		return x.refused("%s redirects from https to plain http, at %s", x.who(), to.Host)
	}
	x.at = to
	return nil
}

// who answers, for people.
func (x *exchange) who() string {
	if authority(x.at, defaultPort(x.at)) == authority(x.source.url, defaultPort(x.source.url)) {
		return "the server"
	}
	return fmt.Sprintf("%s, where it redirects to,", x.at.Host)
}
