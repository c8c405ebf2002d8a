package registry

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"oras.land/oras-go/v2/registry"
)

// reference is a repository in a registry, and a tag or the digest of a manifest in it, if any.
type reference struct {
	registry.Reference
	text string // as it was written: it has no secrets
}

// parse reads oci://registry/repository, with :tag or @sha256:digest or neither. As other tools write them, references
// may do without the oci://.
func parse(ref string) (reference, error) {
	rest, ok := strings.CutPrefix(ref, "oci://")
	if !ok && strings.Contains(ref, "://") {
		return reference{}, errors.New("the address of a model in a registry begins with oci://")
	}
	host, _, _ := strings.Cut(rest, "/")
	if strings.Contains(host, "@") {
		// What oras-go says of it would quote the password.
		return reference{}, errors.New("an oci:// address takes no user and password: give them as the token of the registry's host")
	}
	if strings.ContainsAny(rest, "?#") { // nor is a key in a query quoted
		return reference{}, errors.New("an oci:// address has no query: it is oci://registry/repository:tag or oci://registry/repository@sha256:digest")
	}
	r, err := registry.ParseReference(rest)
	if err != nil {
		return reference{}, fmt.Errorf("cannot read %s as oci://registry/repository:tag or oci://registry/repository@sha256:digest: %w", ref, err)
	}
	if d := r.Reference; strings.Contains(d, ":") && !strings.HasPrefix(d, "sha256:") {
		return reference{}, fmt.Errorf("cannot read %s: the digest of a manifest is a sha256", ref)
	}
	return reference{r, "oci://" + rest}, nil
}

// url is the address of something in the repository: what is blobs or manifests, and id its digest or tag.
func (r reference) url(what, id string) string {
	scheme := "https"
	if r.plain() {
		scheme = "http"
	}
	u := url.URL{Scheme: scheme, Host: r.Host(), Path: "/v2/" + r.Repository + "/" + what + "/" + id}
	return u.String()
}

// plain says that the registry is this machine's own, which is spoken to without TLS.
func (r reference) plain() bool {
	host := r.Host()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return loopback(strings.Trim(host, "[]"))
}

// loopback says that nothing that is sent to a host leaves this machine.
func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
