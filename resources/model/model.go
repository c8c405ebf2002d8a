// Package model manages the files of a language model: fetched once, verified, and never published wrong.
package model

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// Spec is a model: a file that is told by its SHA-256, wherever it comes from. It is fetched before anything
// else of the plan is changed, goes on from where an earlier run left off, and takes its place as a whole,
// once it is found to be what it should be: until then whatever was there stays. Folders above it that are
// missing are made, root's and 0755.
type Spec struct {
	// Path is where the model is: absolute, and inside the root that is converged. A symbolic link
	// at the path itself is an error; links on the way there are followed.
	Path string `hcl:"path"`
	// Sources are where it may be fetched from, tried in this order: "https://…" and "http://…", "file:///…" for a
	// file on the host such as one on a USB stick, "oci://registry/repository" for a blob of that repository, with a
	// tag or digest where there is no sha256. Without any, the file has to be there.
	Sources []string `hcl:"sources,optional" diff:"-"`
	// SHA256 is the digest of the file, in hexadecimal digits. A model without it is refused unless unverified says so.
	SHA256 string `hcl:"sha256,optional"`
	// Size is how long the file is: a number of bytes, or one with a unit as in "4.1GiB" or "4.4GB", which is
	// exact to its last digit. Left out, a plan cannot say what is to be fetched.
	Size string `hcl:"size,optional"`
	// Shards are the other files of a model that is split: path is the first of them then, as in
	// "chat-00001-of-00003.gguf", and sha256 and size are that one's.
	Shards []Shard `hcl:"shard,block"`
	// Format is "gguf", whose header is checked before the file takes its place, or "any". Left out, it is "gguf"
	// for a path that ends in .gguf.
	Format string `hcl:"format,optional" diff:"-"`
	// Required is whether a run fails without the model. Left out, it does. Where it is false, a model that
	// cannot be fetched is reported as missing, and what depends on it is done all the same.
	Required *bool `hcl:"required,optional" diff:"-"`
	// Unverified takes whatever the sources send, once, where nobody can say its sha256. Plans show it.
	Unverified bool `hcl:"unverified,optional"`
	// Tokens are what hosts ask for, by the host's name, with the port where it is not the usual one: a bearer token,
	// or "user:password". It is sent to that host alone, and not in clear over a network.
	Tokens map[string]engine.Text `hcl:"tokens,optional" diff:"-"`
	// Credentials are the same, by the names of credentials of the unit that the agent runs in
	// (LoadCredential= of systemd).
	Credentials map[string]string `hcl:"credentials,optional" diff:"-"`
	// CAFile is a file on the host with certificates (PEM) of authorities that are trusted too.
	CAFile string `hcl:"ca_file,optional" diff:"-"`
	// Owner is a user's name or number. Left out, a new file is root's and an existing one keeps
	// its owner.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, a new file is root's and an existing one keeps
	// its group.
	Group string `hcl:"group,optional"`
	// Mode is octal. Left out, a new file gets 0644 and an existing one keeps its mode.
	Mode string `hcl:"mode,optional"`

	// Found are the files as found, the first of them first.
	Found []found `record:"files" diff:"-"`

	offers []Offer
	absent bool
}

// Absent tells that the model is to go: then its path says enough.
func (s *Spec) Absent() { s.absent = true }

// Shard is one more file of a model that is split.
type Shard struct {
	// Name is the name of the file, beside the first: "chat-00002-of-00003.gguf".
	Name string `hcl:"name,label"`
	// SHA256 is the digest of the file, in hexadecimal digits.
	SHA256 string `hcl:"sha256,optional"`
	// Size is how long the file is, as that of the model.
	Size string `hcl:"size,optional"`
	// Sources are where it may be fetched from. Left out, they are those of the first file, with this one's name.
	Sources []string `hcl:"sources,optional" diff:"-"`
}

// Offer has models at hand that plans may want, whatever their sources are.
type Offer interface {
	// Source returns where the file with that digest may be got from, or false.
	Source(sha256 [32]byte) (fetch.Source, bool)
}

// Offer has o asked for the model before its sources.
func (s *Spec) Offer(o Offer) { s.offers = append(s.offers, o) }

// Kind returns the kind model.
func Kind() *engine.Kind {
	return engine.NewKind("model", resource{}, engine.Timeout(longest))
}

// longest is how long a model may take unless its block says otherwise: a download that stands still ends
// much sooner.
const longest = 24 * time.Hour

// freshMode is the mode of a new file that says none.
const freshMode = 0o644

// The formats.
const (
	formatGGUF = "gguf"
	formatAny  = "any"
)

// Default brings what the block says to one form.
func (s *Spec) Default() {
	s.Mode, s.SHA256 = place.Mode(s.Mode), digestForm(s.SHA256)
	if s.Format == "" {
		s.Format = formatAny
		if path.Ext(s.Path) == ".gguf" {
			s.Format = formatGGUF
		}
	}
	for i := range s.Shards {
		s.Shards[i].SHA256 = digestForm(s.Shards[i].SHA256)
	}
	for host, token := range s.Tokens {
		if !token.Secret() {
			s.Tokens[host] = *engine.NewSecret(token.Reveal())
		}
	}
}

// Claims are the paths.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{place.Claim(s.Path)}
	for _, p := range s.shardPaths() {
		out = append(out, place.Claim(p))
	}
	return out
}

// Needs are the folder above and the owners, and what is read to fetch it.
func (s *Spec) Needs() []engine.Claim {
	out := place.Needs(s.Path, s.attributes())
	if s.CAFile != "" {
		out = append(out, place.Claim(s.CAFile))
	}
	return out
}

// Implies is the folder above.
func (s *Spec) Implies() []engine.Declared { return directory.ImpliedBy(s.Path) }

func (s *Spec) attributes() place.Attributes {
	return place.Attributes{Owner: s.Owner, Group: s.Group, Mode: s.Mode}
}

func beside(p, name string) string { return path.Join(path.Dir(p), name) }

// optional reports whether a run may do without the model.
func (s *Spec) optional() bool { return s.Required != nil && !*s.Required }

// tolerated is err where it matters, and else what is told of a model that a run can do without.
func (s *Spec) tolerated(err error) error {
	if err == nil || !s.optional() {
		return err
	}
	return &engine.OptionalError{Err: err}
}

// file is one file of a model, as it is wanted.
type file struct {
	path    string
	sha256  string
	size    span
	sources []string
}

// files are those that there are to be, the first of them first. Of what was found once, and is wanted back, they are those
// that were there.
func (s *Spec) files() []file {
	if len(s.Found) > 0 {
		return s.wereThere()
	}
	out := []file{{path: s.Path, sha256: s.SHA256, size: sizeOf(s.Size), sources: s.Sources}}
	for _, shard := range s.Shards {
		f := file{path: beside(s.Path, shard.Name), sha256: shard.SHA256, size: sizeOf(shard.Size), sources: shard.Sources}
		if len(f.sources) == 0 {
			f.sources = renamed(s.Sources, path.Base(s.Path), shard.Name)
		}
		out = append(out, f)
	}
	return out
}

// sizeOf reads what Validate has found to be a size.
func sizeOf(s string) span {
	size, err := parseSize(s)
	if err != nil {
		return span{}
	}
	return size
}

func (s *Spec) wereThere() []file {
	var out []file
	for _, f := range s.Found {
		out = append(out, file{path: f.Path, sha256: f.SHA256, size: span{f.Size, f.Size}, sources: f.Sources})
	}
	return out
}

// known are all files that the model has by any account: what is read.
func (s *Spec) known() []file {
	out := s.files()
	for _, p := range append([]string{s.Path}, s.shardPaths()...) {
		if !slices.ContainsFunc(out, func(f file) bool { return f.path == p }) {
			out = append(out, file{path: p})
		}
	}
	return out
}

// shardPaths are those of the other files.
func (s *Spec) shardPaths() []string {
	var out []string
	for _, f := range s.Shards {
		out = append(out, beside(s.Path, f.Name))
	}
	return out
}

// extra are the files of s that were not there when want was found.
func (s *Spec) extra(want *Spec) []found {
	if s == nil || len(want.Found) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Found), func(f found) bool { return want.at(f.Path) != nil })
}

// found is one file as it was found.
type found struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Sources are where it came from, for the day on which it is wanted back.
	Sources []string `json:"sources,omitempty"`

	info     host.Info
	recorded bool // a record of it holds
}

// at returns what was found at p, nil for nothing.
func (s *Spec) at(p string) *found {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.Found, func(f found) bool { return f.Path == p })
	if i < 0 {
		return nil
	}
	return &s.Found[i]
}

// name is how errors call a file of the model.
func (f file) name() string { return fmt.Sprintf("the model %s", f.path) }
