package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxies is what HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or their lower-case names, say: which proxy a URL is got
// through, nil for none, and what no error may quote. The hosts of this machine itself have none.
func proxies() (find func(*url.URL) (*url.URL, error), secrets []string, err error) {
	c := httpproxy.FromEnvironment()
	for scheme, value := range map[string]string{"http": c.HTTPProxy, "https": c.HTTPSProxy} {
		if value == "" {
			continue
		}
		p, err := proxyAddress(value)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot use the proxy for %s in the environment: %w", scheme, err)
		}
		if p.User != nil {
			secrets = append(secrets, userSecrets(p.User)...)
		}
	}
	return c.ProxyFunc(), secrets, nil
}

// proxyAddress reads one as httpproxy does, but for what is none: httpproxy makes something of it, or leaves it
// out without a word, and a network that must be gone through would be gone around.
func proxyAddress(value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	p, err := url.Parse(value)
	if err != nil || p.Hostname() == "" {
		return nil, errors.New(`it is no address: write it like "http://proxy.example.com:3128", and special characters of a password like %2F`)
	}
	switch p.Scheme {
	case "http", "https", "socks5", "socks5h":
		return p, nil
	}
	return nil, fmt.Errorf("it has the scheme %q: http, https, socks5 and socks5h work", p.Scheme)
}

// proxyError is a proxy's answer to CONNECT where it makes no tunnel.
type proxyError struct {
	host   string
	status int
	asked  bool // with a user name and password
}

func (e *proxyError) Error() string {
	if e.status != http.StatusProxyAuthRequired {
		return fmt.Sprintf("the proxy %s answers %s", e.host, status(e.status))
	}
	if e.asked {
		return fmt.Sprintf("the proxy %s denies the user name and password that the environment has for it", e.host)
	}
	return fmt.Sprintf("the proxy %s wants a user name and password: write them in HTTP_PROXY or HTTPS_PROXY like \"http://user:password@%s\"", e.host, e.host)
}

// tunnel is asked about every answer to CONNECT: net/http itself would tell of a bad one in words alone.
func tunnel(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{host: proxy.Host, status: answer.StatusCode, asked: proxy.User != nil}
}
