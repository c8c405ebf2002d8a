package model

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// mistakes collects what is wrong with attributes.
type mistakes []error

func (m *mistakes) add(name, format string, args ...any) {
	*m = append(*m, &engine.AttributeError{Name: name, Err: fmt.Errorf(format, args...)})
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	m := mistakes{place.Validate(s.Path), s.attributes().Validate()}
	if s.absent {
		return errors.Join(m...)
	}
	m.identity("sha256", "size", s.SHA256, s.Size, s.Unverified)
	if s.Unverified && len(s.Shards) > 0 {
		m.add("unverified", "a model that is split is put together by the sha256 of its files: say them")
	}
	if s.SHA256 != "" && s.Unverified {
		m.add("unverified", "with a sha256 the model is verified: leave this out")
	}
	m.sources("sources", s.Sources)
	if s.Format != formatGGUF && s.Format != formatAny {
		m.add("format", "%q is no format: it is %q or %q", s.Format, formatGGUF, formatAny)
	}
	m.shards(s)
	for _, host := range slices.Sorted(maps.Keys(s.Tokens)) {
		m.host("tokens", host)
	}
	for _, host := range slices.Sorted(maps.Keys(s.Credentials)) {
		m.host("credentials", host)
		if _, twice := s.Tokens[host]; twice {
			m.add("credentials", "tokens has something for %s too", host)
		}
	}
	if s.CAFile != "" {
		if err := place.Validate(s.CAFile); err != nil {
			m.add("ca_file", "%q is no absolute path", s.CAFile)
		}
	}
	return errors.Join(m...)
}

// identity checks by what a file is told.
func (m *mistakes) identity(digestName, sizeName, digest, size string, unverified bool) {
	switch _, err := digestOf(digest); {
	case digest == "" && !unverified:
		m.add(digestName, "without a sha256 nobody can tell whether what is fetched is the model: "+
			"say it (agent0-converge models lock URL finds it out), or unverified = true to take whatever comes")
	case err != nil:
		m.add(digestName, "%w", err)
	}
	if _, err := parseSize(size); err != nil {
		m.add(sizeName, "%w", err)
	}
}

// digestForm brings a digest to one form; what is none stays, for Validate to refuse.
func digestForm(s string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "sha256:")
}

// digestOf reads a digest. "" is one of zeros.
func digestOf(s string) (out [32]byte, err error) {
	if s == "" {
		return out, nil
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(out) {
		return out, fmt.Errorf("%q is no SHA-256, which has 64 hexadecimal digits", s)
	}
	return [32]byte(b), nil
}

func (m *mistakes) sources(name string, sources []string) {
	for _, address := range sources {
		if err := source.Check(address); err != nil {
			m.add(name, "%w", err)
		}
	}
}

// host checks the name of a host.
func (m *mistakes) host(name, host string) {
	if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.Hostname() == "" {
		m.add(name, `%q is no host: write it like "huggingface.co" or "models.example.com:8443"`, host)
	}
}

// shards checks the other files of a model that is split.
func (m *mistakes) shards(s *Spec) {
	prefix, no, count, split := gguf.ParseShardName(path.Base(s.Path))
	switch {
	case len(s.Shards) == 0:
		return
	case !split || no != 0:
		m.add("path", "a model that is split begins with a file such as chat-00001-of-%05d.gguf", len(s.Shards)+1)
		return
	case count != len(s.Shards)+1:
		m.add("shard", "the path says that there are %d files, and there are %d shard blocks: there must be one for each but the first", count, len(s.Shards))
	}
	for i, f := range s.Shards {
		p, no, of, ok := gguf.ParseShardName(f.Name)
		if !ok || p != prefix || no != i+1 || of != count {
			m.add("shard", "%q is not shard %d, which llama.cpp looks for as %s-%05d-of-%05d.gguf", f.Name, i+2, prefix, i+2, count)
		}
		m.identity("shard", "shard", f.SHA256, f.Size, false)
		m.sources("shard", f.Sources)
	}
}

// renamed are the addresses of a shard, by those of the first one: beside it, where they name that.
func renamed(sources []string, first, name string) []string {
	out := make([]string, len(sources))
	for i, address := range sources {
		out[i] = address
		if source.Beside(address, first) == address {
			out[i] = source.Beside(address, name)
		}
	}
	return out
}
