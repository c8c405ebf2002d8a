package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// source is one URL.
type source struct {
	client *Client
	url    *url.URL // without user
	basic  string   // the Authorization of the URL's user, for its host alone
	hidden []string // what no error may quote, besides what the client knows
}

// Source returns the source at an http or https URL. A user name and password in it are sent to its host alone.
func (c *Client) Source(rawURL string) (fetch.Source, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// Its error quotes the URL, or the part where a password breaks it.
		return nil, errors.New("cannot read the URL of a source: write it like https://models.example.com/chat.gguf, and special characters of a password like %2F")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("a web source has the scheme http or https, not %q", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("the URL of a source has no host: write it like %s://models.example.com/chat.gguf", u.Scheme)
	}
	s := &source{client: c, url: u, hidden: querySecrets(u)}
	if u.User != nil {
		password, _ := u.User.Password()
		s.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		s.hidden = append(s.hidden, userSecrets(u.User)...)
		u.User = nil
	}
	u.Fragment, u.RawFragment = "", ""
	return s, nil
}

func (s *source) String() string {
	return visible(s.url.Scheme + "://" + s.url.Host + s.url.EscapedPath())
}

// authorization is the header to send to u, "" for none.
func (s *source) authorization(u *url.URL) string {
	if s.basic != "" && authority(u, defaultPort(u)) == authority(s.url, defaultPort(s.url)) {
		return s.basic
	}
	return s.client.tokens.find(u)
}

// Open starts at the source's own URL every time, also where an earlier Open was redirected: what a redirect leads to
// is often signed for some minutes only, and asking again costs one round trip for each segment.
func (s *source) Open(ctx context.Context, off, length int64, same string) (*fetch.Body, error) {
	if off < 0 || length < -1 || length == 0 {
		return nil, fmt.Errorf("cannot ask %s for %d bytes from %d on", s, length, off)
	}
	if !strong(same) {
		same = "" // none of ours
	}
	got, err := (&exchange{source: s, ctx: ctx, at: s.url}).open(request{off, length, same})
	if errors.Is(err, errOtherVersion) {
		return (&exchange{source: s, ctx: ctx, at: s.url}).open(request{0, -1, ""})
	}
	return got, err
}

// page says that the file itself may be HTML.
func (s *source) page() bool {
	p := strings.ToLower(s.url.Path)
	return strings.HasSuffix(p, ".html") || strings.HasSuffix(p, ".htm")
}
