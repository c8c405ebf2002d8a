package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/local"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/registry"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch/web"
)

// lockSources are where models are read from.
type lockSources struct {
	host     *host.Host
	web      *web.Client
	registry *registry.Client
}

// lockSources opens them. Files are those of the root, as they are when a plan is applied.
func (a *app) lockSources(f lockFlags) (*lockSources, error) {
	tokens, err := tokensFrom(f.tokens, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	var ca []byte
	if f.caFile != "" {
		if ca, err = os.ReadFile(f.caFile); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	s := &lockSources{}
	if s.registry, err = registry.NewClient(registry.Options{Tokens: tokens, CA: ca}); err != nil {
		return nil, err
	}
	if s.web, err = web.NewClient(web.Options{Tokens: tokens, CA: ca}); err != nil {
		return nil, err
	}
	if s.host, err = host.Open(host.Options{Root: a.rootDir, Facts: &host.Facts{}}); err != nil {
		s.web.Close()
		return nil, err
	}
	return s, nil
}

func (s *lockSources) close() {
	s.web.Close()
	_ = s.host.Close() // nothing was written
}

// tokensFrom reads HOST=VARIABLE. The value is never an argument: everybody on the machine can read those.
func tokensFrom(said []string, lookup func(string) (string, bool)) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range said {
		name, variable, ok := strings.Cut(s, "=")
		u, err := url.Parse("//" + name)
		if !ok || variable == "" || err != nil || u.Host != name || u.Hostname() == "" {
			return nil, fmt.Errorf(`--token is HOST=VARIABLE, as in "models.example.com=MODELS_TOKEN", with the token in that environment variable`)
		}
		value, ok := lookup(variable)
		if value = strings.TrimSpace(value); !ok || value == "" {
			return nil, fmt.Errorf("--token for %s: the environment variable that it names is not set: the token itself does not belong here", name)
		}
		out[name] = value
	}
	return out, nil
}

// target is what a URL turned out to name: one file, or all of a model that is split.
type target struct {
	ask
	parts []part
}

// part is one file of a target.
type part struct {
	file   string // its name, "" where nothing says it
	url    string
	source fetch.Source
	gguf   bool   // it has to have such a header
	sha256 string // what a registry says of it, or ""
}

// find makes a target of a URL.
func (s *lockSources) find(ctx context.Context, q ask) (target, error) {
	u, err := url.Parse(q.url)
	if err != nil {
		return target{}, fmt.Errorf("the URL %w", err) // askedToLock has read it before
	}
	if u.Scheme == "oci" {
		return s.findBlob(ctx, q, u)
	}
	t := target{ask: q}
	file := fileOfURL(u)
	if t.name, err = q.named(file, ""); err != nil {
		return t, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	files, err := shardsOf(file)
	if err != nil {
		return t, err
	}
	for i, file := range files {
		p := part{file: file, url: q.url, gguf: isGGUF(file)}
		if i > 0 {
			p.url = renamedURL(u, file)
		}
		if p.source, err = s.open(p.url, u); err != nil {
			return t, err
		}
		t.parts = append(t.parts, p)
	}
	return t, nil
}

// open opens a URL that is like u but for its file.
func (s *lockSources) open(said string, u *url.URL) (fetch.Source, error) {
	if u.Scheme != "file" {
		return s.web.Source(said)
	}
	this, err := url.Parse(said)
	if err != nil {
		return nil, fmt.Errorf("the URL %w", err)
	}
	return local.Source(s.host.Files.Tree, this.Path), nil
}

// findBlob asks a registry which blob an address names now.
func (s *lockSources) findBlob(ctx context.Context, q ask, u *url.URL) (target, error) {
	t := target{ask: q}
	found, err := s.registry.Resolve(ctx, q.url)
	if err != nil {
		return t, err
	}
	repository, _, _ := strings.Cut(path.Base(u.Path), "@")
	repository, _, _ = strings.Cut(repository, ":")
	if t.name, err = q.named(found.File, repository); err != nil {
		return t, fmt.Errorf("%s: %w", q.url, err)
	}
	if files, err := shardsOf(found.File); err != nil || len(files) > 1 {
		return t, fmt.Errorf("%s is %s, one file of a model that is split, and a manifest has one model: lock it from files or from the web", q.url, found.File)
	}
	source, err := s.registry.Source(q.url, found.SHA256)
	// Whatever it is called: what a registry has is taken for a model because it is said to be GGUF.
	t.parts = []part{{file: found.File, url: q.url, source: source, gguf: true, sha256: fmt.Sprintf("%x", found.SHA256)}}
	return t, err
}
