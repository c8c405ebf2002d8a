package lockfile

import (
	"cmp"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/plans"
)

// Read reads a lock file strictly: what it does not know, and what no model has, is a mistake with its place.
func Read(src []byte, filename string) (*Lock, hcl.Diagnostics) {
	attrs, diags := plans.Literals(src, filename)
	if diags.HasErrors() {
		return nil, diags
	}
	r := &reader{}
	lock := &Lock{}
	for _, a := range attrs {
		lock.Put(r.model(a))
	}
	if r.diags.HasErrors() {
		slices.SortStableFunc(r.diags, func(a, b *hcl.Diagnostic) int { return cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte) })
		return nil, r.diags
	}
	return lock, nil
}

// reader collects what is wrong.
type reader struct{ diags hcl.Diagnostics }

func (r *reader) errorf(at hcl.Range, summary, format string, args ...any) {
	r.diags = append(r.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &at,
	})
}

// fields are what an object has, by name.
type fields struct {
	*reader
	what  string
	at    hcl.Range
	exprs map[string]hcl.Expression
}

// object takes an object apart, whose names are among known.
func (r *reader) object(what string, expr hcl.Expression, known ...string) fields {
	f := fields{reader: r, what: what, at: expr.Range(), exprs: map[string]hcl.Expression{}}
	items, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		r.errorf(f.at, "Not an object", "What is locked of %s is an object with %s.", what, strings.Join(known, ", "))
		return f
	}
	for _, item := range items {
		name, diags := item.Key.Value(nil)
		if diags.HasErrors() || name.Type() != cty.String || !slices.Contains(known, name.AsString()) {
			r.errorf(item.Key.Range(), "Unknown attribute", "What is locked of %s has %s, and nothing else.", what, strings.Join(known, ", "))
			continue
		}
		f.exprs[name.AsString()] = item.Value
	}
	return f
}

func (r *reader) model(a *hcl.Attribute) Model {
	f := r.object(a.Name, a.Expr, "file", "url", "mirrors", "sha256", "size", "shards")
	m := Model{Name: a.Name, File: f.file("file", false), Blob: f.blob()}
	expr := f.exprs["shards"]
	if expr == nil {
		return m
	}
	list, diags := hcl.ExprList(expr)
	if diags.HasErrors() || len(list) == 0 {
		r.errorf(expr.Range(), "Not a list of files", "The shards are a list of the other files of a model that is split: leave it out where there are none.")
	}
	if m.File == "" {
		r.errorf(f.at, "Missing attribute", "A model with shards has a file: the name of the first of them.")
	}
	names := map[string]bool{m.File: true}
	for _, e := range list {
		s := r.object(fmt.Sprintf("shard %d of %s", len(m.Shards)+2, m.Name), e, "name", "url", "mirrors", "sha256", "size")
		shard := Shard{Name: s.file("name", true), Blob: s.blob()}
		if names[shard.Name] && shard.Name != "" {
			r.errorf(s.exprs["name"].Range(), "Name given twice", "Another file of %s is called %q too.", m.Name, shard.Name)
		}
		names[shard.Name] = true
		m.Shards = append(m.Shards, shard)
	}
	return m
}

func (f fields) blob() Blob {
	b := Blob{SHA256: f.sha256(), Size: f.size()}
	if s, at, ok := f.text("url", true); ok {
		b.URL = f.url(s, at)
	}
	expr := f.exprs["mirrors"]
	if expr == nil {
		return b
	}
	list, diags := hcl.ExprList(expr)
	if diags.HasErrors() || len(list) == 0 {
		f.errorf(expr.Range(), "Not a list of URLs", "The mirrors are a list of URLs: leave it out where there are none.")
	}
	for _, e := range list {
		s, ok := f.textOf("a mirror", e)
		if ok && slices.Contains(b.URLs(), s) {
			f.errorf(e.Range(), "URL given twice", "%s has this URL already.", f.what)
		}
		b.Mirrors = append(b.Mirrors, f.url(s, e.Range()))
	}
	return b
}

// text is a string that is not empty.
func (f fields) text(name string, required bool) (string, hcl.Range, bool) {
	expr := f.exprs[name]
	switch {
	case expr != nil:
		s, ok := f.textOf(name, expr)
		return s, expr.Range(), ok
	case required && f.exprs != nil:
		f.errorf(f.at, "Missing attribute", "%s has no %s. agent0-converge models lock --update finds it out.", f.what, name)
	}
	return "", f.at, false
}

func (f fields) textOf(name string, expr hcl.Expression) (string, bool) {
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || v.IsNull() || v.AsString() == "" {
		f.errorf(expr.Range(), "Not a string", "%s of %s is a string that is not empty.", name, f.what)
		return "", false
	}
	return v.AsString(), true
}

// file is the name of a file, without any folder.
func (f fields) file(name string, required bool) string {
	s, at, ok := f.text(name, required)
	if ok && (strings.ContainsAny(s, `/\`) || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })) {
		f.errorf(at, "Not a name of a file", "%s of %s is the name of a file, without a folder.", name, f.what)
	}
	return s
}

// url is where a model may be.
func (f fields) url(s string, at hcl.Range) string {
	if err := CheckURL(s); err != nil && s != "" {
		f.errorf(at, "Not a URL of a model", "The URL %s.", err)
	}
	return s
}

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (f fields) sha256() string {
	s, at, ok := f.text("sha256", true)
	if ok && !digest.MatchString(s) {
		f.errorf(at, "Not a SHA-256", "The sha256 of %s has 64 hexadecimal digits, with small letters.", f.what)
	}
	return s
}

func (f fields) size() int64 {
	expr := f.exprs["size"]
	if expr == nil {
		f.text("size", true)
		return 0
	}
	v, diags := expr.Value(nil)
	if !diags.HasErrors() && v.Type() == cty.Number && !v.IsNull() {
		if n, exact := v.AsBigFloat().Int64(); exact == big.Exact && n > 0 {
			return n
		}
	}
	f.errorf(expr.Range(), "Not a size", "The size of %s is a whole number of bytes, 1 or more.", f.what)
	return 0
}

// CheckURL says why no model can be at a URL, nil where one may be. What it says quotes no password.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("cannot be read: write it like https://models.example.com/chat.gguf")
	case u.User != nil:
		return fmt.Errorf("of %s has a user or a password, and a lock file is for everybody to read: give it as the token of its host", u.Host)
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() == "":
		return fmt.Errorf("%q names no host", s)
	case u.Scheme == "oci" && (u.Host == "" || strings.Trim(u.Path, "/") == ""):
		return fmt.Errorf("%q names no registry and repository: write it like oci://registry.example.com/models/chat:latest", s)
	case u.Scheme == "file" && (u.Host != "" || strings.HasSuffix(u.Path, "/") || u.Path == ""):
		return fmt.Errorf("%q names no file: write it like file:///media/usb/chat.gguf, with three slashes", s)
	case !slices.Contains([]string{"http", "https", "file", "oci"}, u.Scheme):
		return fmt.Errorf("%q is none of https://, http://, file:///, oci://", s)
	}
	return nil
}

// ValidName reports whether a model may have a name: it is one of the plan language.
func ValidName(name string) bool { return hclsyntax.ValidIdentifier(name) }
