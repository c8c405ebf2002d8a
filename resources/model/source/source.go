// Package source makes sources of models of the addresses that people write: one place says what an address may be, who
// reads it, and what of it is shown.
package source

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/local"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// Options say how sources are reached.
type Options struct {
	// Files is where file:// addresses are looked up.
	Files host.Tree
	// Tokens are what hosts ask for, by host as web.Options and registry.Options say.
	Tokens map[string]string
	// CA are certificates in PEM that are trusted too.
	CA []byte
	// UserAgent is how requests name this program.
	UserAgent string
}

// Opener opens addresses. Close it when done.
type Opener struct {
	files    host.Tree
	web      *web.Client
	registry *registry.Client
}

// NewOpener returns an opener. Proxies are those of the environment as it is now.
func NewOpener(o Options) (*Opener, error) {
	w, err := web.NewClient(web.Options{Tokens: o.Tokens, CA: o.CA, UserAgent: o.UserAgent})
	if err != nil {
		return nil, err
	}
	r, err := registry.NewClient(registry.Options{Tokens: o.Tokens, CA: o.CA, UserAgent: o.UserAgent})
	if err != nil {
		w.Close()
		return nil, err
	}
	return &Opener{files: o.Files, web: w, registry: r}, nil
}

// Close lets go of connections that nobody uses.
func (o *Opener) Close() {
	o.web.Close()
	o.registry.Close()
}

// Registry asks registries.
func (o *Opener) Registry() *registry.Client { return o.registry }

// Open makes a source of an address. A blob of a registry is asked for by its sha256, where that is not all zero.
func (o *Opener) Open(address string, sha256 [32]byte) (fetch.Source, error) {
	if err := Check(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "file":
		return local.Source(o.files, u.Path), nil
	case "oci":
		return o.registry.Source(address, sha256)
	}
	return o.web.Source(address)
}

// Check says why no model can be at an address, nil where one may be. What it says quotes no password.
func Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("a source is no URL: %w", errors.Unwrap(err)) // which quotes no password
	}
	shown := u.Redacted()
	if u.User != nil {
		return fmt.Errorf("the source %q has a password: say it in tokens, where it stays a secret", shown)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" {
			return fmt.Errorf("the source %q names no host", shown)
		}
	case "oci":
		if u.Host == "" || strings.Trim(u.Path, "/") == "" {
			return fmt.Errorf(`the source %q names no registry and repository: write it like "oci://registry.example.com/models/chat"`, shown)
		}
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasSuffix(u.Path, "/") {
			return fmt.Errorf(`the source %q names no file: write it like "file:///media/usb/chat.gguf", with three slashes`, shown)
		}
	default:
		return fmt.Errorf("the source %q is none of https://, http://, file:///, oci://", shown)
	}
	return nil
}

// Host is where an address leads to, as it is told: a host, or the path of a file.
func Host(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "file":
		return u.Path
	}
	return u.Host
}

// Beside is the address of another file in the same folder. Of a registry, which has no folders, it is the address
// itself.
func Beside(address, file string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "oci" {
		return address
	}
	folder, _ := path.Split(u.Path)
	escaped, _ := path.Split(u.EscapedPath())
	u.Path, u.RawPath = folder+file, ""
	if escaped != folder {
		u.RawPath = escaped + url.PathEscape(file)
	}
	return u.String()
}
