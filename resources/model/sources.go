package model

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/local"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// userAgent is how requests name this program.
const userAgent = "agent0-converge"

// opener makes sources of what a plan says they are.
type opener struct {
	tree     host.Tree
	web      *web.Client
	registry *registry.Client
}

// opener returns the one for s, with its tokens and certificates.
func (s *Spec) opener(v host.View) (*opener, error) {
	tokens, err := s.secrets()
	if err != nil {
		return nil, err
	}
	var ca []byte
	if s.CAFile != "" {
		if ca, err = v.Files.ReadFile(s.CAFile); err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
	}
	o := &opener{tree: v.Files}
	if o.web, err = web.NewClient(web.Options{Tokens: tokens, CA: ca, UserAgent: userAgent}); err != nil {
		return nil, err
	}
	o.registry, err = registry.NewClient(registry.Options{Tokens: tokens, CA: ca, UserAgent: userAgent})
	return o, err
}

// secrets are the tokens by host.
func (s *Spec) secrets() (map[string]string, error) {
	out := map[string]string{}
	for name, token := range s.Tokens {
		out[name] = token.Reveal()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Credentials)) {
		b, err := host.Credential(s.Credentials[name])
		if err != nil {
			return nil, fmt.Errorf("credentials[%q]: %w", name, err)
		}
		out[name] = strings.TrimSpace(string(b))
	}
	return out, nil
}

// open makes the sources of f: first what is offered, then what the plan says, in its order.
func (o *opener) open(f file, offers []Offer) ([]fetch.Source, error) {
	sum, err := digestOf(f.sha256)
	if err != nil {
		return nil, err
	}
	var out []fetch.Source
	for _, offer := range offers {
		if source, ok := offer.Source(sum); ok && f.sha256 != "" {
			out = append(out, source)
		}
	}
	for _, said := range f.sources {
		source, err := o.source(said, sum)
		if err != nil {
			return nil, &engine.AttributeError{Name: "sources", Err: err}
		}
		out = append(out, source)
	}
	return out, nil
}

func (o *opener) source(said string, sum [32]byte) (fetch.Source, error) {
	u, err := url.Parse(said)
	if err != nil {
		return nil, fmt.Errorf("a source is no URL")
	}
	switch u.Scheme {
	case "file":
		return local.Source(o.tree, u.Path), nil
	case "oci":
		return o.registry.Source(said, sum)
	}
	return o.web.Source(said)
}

// hostOf is where a source is, as it is told.
func hostOf(source string) string {
	u, err := url.Parse(source)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "file":
		return u.Path
	}
	return u.Host
}
