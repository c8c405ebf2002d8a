package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// userAgent is how requests name this program.
const userAgent = "agent0-converge"

// opener opens the sources of s, with its tokens and certificates.
func (s *Spec) opener(v host.View) (*source.Opener, error) {
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
	return source.NewOpener(source.Options{Files: v.Files, Tokens: tokens, CA: ca, UserAgent: userAgent})
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
func (f file) open(o *source.Opener, offers []Offer) ([]fetch.Source, error) {
	out := f.offered(offers)
	for _, address := range f.sources {
		from, err := o.Open(address, sumOf(f))
		if err != nil {
			return nil, &engine.AttributeError{Name: "sources", Err: err}
		}
		out = append(out, from)
	}
	return out, nil
}

// offered are the offers of f, in their order.
func (f file) offered(offers []Offer) (out []fetch.Source) {
	if f.sha256 == "" {
		return nil
	}
	for _, offer := range offers {
		if from, ok := offer.Source(sumOf(f)); ok {
			out = append(out, from)
		}
	}
	return out
}

// from is where f comes from first, as a plan shows it, and whether that is a disk and not a network.
func (f file) from(offers []Offer) (text string, disk bool) {
	if offered := f.offered(offers); len(offered) > 0 {
		return offered[0].String(), true
	}
	if len(f.sources) == 0 {
		return "nowhere", true
	}
	return source.Host(f.sources[0]), strings.HasPrefix(f.sources[0], "file:")
}
