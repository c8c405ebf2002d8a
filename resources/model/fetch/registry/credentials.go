package registry

import (
	"context"
	"encoding/base64"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// identityUser stands for a user where what follows is an identity token, by the protocol of docker's credential
// helpers (github.com/docker/docker-credential-helpers).
const identityUser = "<token>"

// credential tells what a registry is to be given; nothing, where nothing was said about exactly this one.
func (c *Client) credential(_ context.Context, host string) (auth.Credential, error) {
	token, ok := c.tokens[hostKey(host)]
	if !ok {
		return auth.EmptyCredential, nil
	}
	user, password, pair := strings.Cut(token, ":")
	switch {
	case !pair:
		return auth.Credential{AccessToken: token}, nil
	case user == "" || password == "":
		return auth.EmptyCredential, &refusal{"the token for " + host + " is incomplete: it must be user:password or a bearer token"}
	case user == identityUser:
		return auth.Credential{RefreshToken: password}, nil
	}
	return auth.Credential{Username: user, Password: password}, nil
}

// hostKey brings the ways to write a host to one. Docker Hub has two names.
func hostKey(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	if host == "docker.io" {
		return "registry-1.docker.io"
	}
	return host
}

// secrets are what must not be read in any message.
func (c *Client) secrets() []string {
	var out []string
	for _, token := range c.tokens {
		_, password, pair := strings.Cut(token, ":")
		if !pair {
			password = token
		}
		for _, s := range []string{password, base64.StdEncoding.EncodeToString([]byte(token))} {
			if len(s) > 2 { // to take out shorter ones would spoil the words around
				out = append(out, s)
			}
		}
	}
	return out
}
