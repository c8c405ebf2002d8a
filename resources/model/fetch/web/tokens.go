package web

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// tokens are Authorization headers, by host or host:port as authority writes them.
type tokens map[string]string

func newTokens(given map[string]string) (tokens, error) {
	out := tokens{}
	for host, token := range given {
		key, err := tokenKey(host)
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("there are two tokens for the host %s: give one", key)
		}
		if out[key], err = authorization(token); err != nil {
			return nil, fmt.Errorf("cannot use the token for the host %s: %w", key, err)
		}
	}
	return out, nil
}

// tokenKey brings the host or host:port that a token was given for to the form that tokens are looked up by.
func tokenKey(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	u, err := url.Parse("//" + host)
	if err != nil || u.Hostname() == "" || u.Host != host || strings.ContainsAny(host, "*, ") {
		return "", fmt.Errorf("%q is no host that a token can be for: write it like \"models.example.com\" or \"models.example.com:8443\"", host)
	}
	return authority(u, ""), nil
}

// authorization makes the header out of a token.
func authorization(token string) (string, error) {
	unprintable := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case token == "":
		return "", fmt.Errorf("it is empty")
	case strings.ContainsFunc(token, unprintable):
		return "", fmt.Errorf("it has a line break or another control character in it")
	case strings.Contains(token, ":"):
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(token)), nil
	case strings.Contains(token, " "):
		return "", fmt.Errorf("it has a space in it: write the token alone, without \"Bearer\"")
	}
	return "Bearer " + token, nil
}

// find returns the header for u, "" where no token is for its host and port.
func (t tokens) find(u *url.URL) string {
	if header := t[authority(u, defaultPort(u))]; header != "" {
		return header
	}
	if port := u.Port(); port == "" || port == defaultPort(u) {
		return t[authority(&url.URL{Host: bare(u)}, "")]
	}
	return ""
}

// authority is the host and port of u in one form of writing, with port where u has none.
func authority(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port == "" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// bare is the host of u as a URL writes it, without its port.
func bare(u *url.URL) string {
	if host := u.Hostname(); strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return u.Hostname()
}

func defaultPort(u *url.URL) string {
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// private says that nobody between here and u's host can read what is sent.
func private(u *url.URL) bool {
	if u.Scheme == "https" || strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback()
}

// kind is what people call the secret of an Authorization header.
func kind(header string) string {
	if strings.HasPrefix(header, "Basic ") {
		return "user name and password"
	}
	return "token"
}
