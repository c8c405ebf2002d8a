// Package bundle keeps on a host a copy of what each plan was made from when it was last applied,
// and makes plans from it again: whatever becomes of the plan's files, the host can be brought back
// to what was applied.
//
// A bundle is one file, Dir/NAME.tar, that root alone can read. Its first member is the manifest,
// the others are the files in its order. It is replaced as a whole, so that there is an old one or a
// new one, never half of one.
//
// No secret is copied. Of a sensitive variable the manifest has where its value was from, of a file
// that holds secrets its path; both with a reference that tells, to whoever has the host's key,
// whether it is still the same. A secret that stands in the text of a plan itself is part of that
// text, and thus of the copy.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/plans"
)

// Dir is where the bundles lie in the host's root.
const Dir = engine.StateDir + "/last"

// Format is the newest format of a bundle that this version reads, and the one that it writes.
const Format = 1

// suffix of a bundle's file, and the name of its first member.
const (
	suffix       = ".tar"
	manifestName = "manifest.json"
)

// Manifest says what is in a bundle.
type Manifest struct {
	Format int `json:"format"`
	// Name is the plan's name, Digest that of its text.
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Order grows with every plan that a host comes to have.
	Order int `json:"order"`
	// Path is the plan as it was named, Dir what names are relative to.
	Path string `json:"path"`
	Dir  string `json:"dir"`
	// ForgetSecrets is a plan that was applied without keeping old secrets for undo.
	ForgetSecrets bool                   `json:"forget_secrets,omitempty"`
	Variables     map[string]plans.Known `json:"variables,omitempty"`
	Files         []File                 `json:"files"`
}

// File is one file that a plan was made from, or a folder that it listed.
type File struct {
	// Name is its absolute path where the plan was applied.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Sum is the SHA-256 of what is copied.
	Sum string `json:"sum,omitempty"`
	// Ref is the reference that stands for the content of a secret.
	Ref string `json:"ref,omitempty"`

	offset, size int64 // in the bundle
}

// Kind is how a file is kept.
type Kind string

// The kinds of file.
const (
	Copied Kind = "copied"
	// Secret is read again where it is.
	Secret Kind = "secret"
	// Seen was there; what it held nobody asked.
	Seen   Kind = "seen"
	Folder Kind = "folder"
)

// fileOf is where the bundle of a plan lies. A plan may be called what no file can be.
func fileOf(plan string) string {
	return path.Join(Dir, strings.ReplaceAll(url.PathEscape(plan), "..", "%2E%2E")+suffix)
}

// List returns the manifests of all bundles in the order in which the plans were first applied. With
// an error it returns those that can be read.
func List(tree host.Tree) ([]*Manifest, error) {
	names, err := tree.ReadDir(Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list what was last applied: %w", err)
	}
	var (
		out  []*Manifest
		errs []error
	)
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue // what a run that was cut short left of one
		}
		b, err := open(tree, path.Join(Dir, name))
		if err == nil {
			out = append(out, &b.Manifest)
			err = b.Close()
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	slices.SortFunc(out, func(a, b *Manifest) int { return a.Order - b.Order })
	return out, errors.Join(errs...)
}

// NoneError is a plan that was never applied on this host.
type NoneError struct {
	Name string
	// Known are those that were.
	Known []string
}

func (e *NoneError) Error() string {
	if len(e.Known) == 0 {
		return "no plan was applied on this host yet: apply one first"
	}
	return fmt.Sprintf("no plan %q was applied on this host; there are: %s", e.Name, strings.Join(e.Known, ", "))
}

// DamagedError is a bundle that is not as it was written.
type DamagedError struct {
	Path, What string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("what was last applied cannot be read: %s: %s. Apply the plan again by hand, which makes a new one", e.Path, e.What)
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
