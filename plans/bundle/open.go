package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/plans"
)

// maxManifest bounds what is read before anything is known of a bundle.
const maxManifest = 64 << 20

// Bundle is what a plan was made from when it was last applied. It is a plans.Files.
type Bundle struct {
	Manifest
	path    string
	f       *os.File
	byName  map[string]*File
	secrets Secrets
}

var _ plans.Files = (*Bundle)(nil)

// Open returns the bundle of a plan; Close it when done. There may be none: *NoneError.
func Open(tree host.Tree, plan string) (*Bundle, error) {
	b, err := open(tree, fileOf(plan))
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	none := &NoneError{Name: plan}
	known, err := List(tree)
	if err != nil {
		return nil, err
	}
	for _, m := range known {
		none.Known = append(none.Known, m.Name)
	}
	return nil, none
}

func open(tree host.Tree, name string) (*Bundle, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was last applied: %w", err)
	}
	b := &Bundle{path: name, f: f, byName: map[string]*File{}}
	if err := b.index(); err != nil {
		return nil, errors.Join(&DamagedError{Path: name, What: err.Error()}, f.Close())
	}
	return b, nil
}

// index reads the manifest and finds where the files are.
func (b *Bundle) index() error {
	r := tar.NewReader(b.f)
	head, err := r.Next()
	if err != nil {
		return err
	}
	if head.Name != manifestName || head.Size > maxManifest {
		return errors.New("it does not start with a manifest")
	}
	if err := json.NewDecoder(r).Decode(&b.Manifest); err != nil {
		return fmt.Errorf("its manifest: %w", err)
	}
	if b.Format != Format {
		return fmt.Errorf("its format is %d, and this version knows %d", b.Format, Format)
	}
	for i := range b.Files {
		f := &b.Files[i]
		b.byName[f.Name] = f
		if f.Kind != Copied {
			continue
		}
		head, err := r.Next()
		if err != nil {
			return fmt.Errorf("%s is missing: %w", f.Name, err)
		}
		// A header is read to its end and no further.
		if f.offset, err = b.f.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
		f.size = head.Size
	}
	return nil
}

// Close lets go of the file.
func (b *Bundle) Close() error { return b.f.Close() }

// Input is what the plan is loaded with. What is still to be said are the facts, the kinds and the
// environment.
func (b *Bundle) Input(s Secrets) plans.Input {
	b.secrets = s
	known := b.Variables
	if known == nil {
		known = map[string]plans.Known{}
	}
	return plans.Input{Path: b.Path, Files: b, Known: known, Ref: s.SecretRef}
}

// Abs implements plans.Files.
func (b *Bundle) Abs(name string) (string, error) {
	if filepath.IsAbs(name) {
		return filepath.Clean(name), nil
	}
	return filepath.Join(b.Dir, name), nil
}

// Stat implements plans.Files.
func (b *Bundle) Stat(name string) (fs.FileInfo, error) {
	abs, err := b.Abs(name)
	if err != nil {
		return nil, err
	}
	f := b.byName[abs]
	switch {
	case f != nil && f.Kind != Folder:
		return info{filepath.Base(abs), f.size, false}, nil
	case f != nil || len(b.below(abs)) > 0:
		return info{filepath.Base(abs), 0, true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements plans.Files.
func (b *Bundle) ReadDir(name string) ([]fs.DirEntry, error) {
	i, err := b.Stat(name)
	if err != nil {
		return nil, err
	}
	if !i.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("it is not a folder")}
	}
	abs, err := b.Abs(name)
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, name := range b.below(abs) {
		i, err := b.Stat(filepath.Join(abs, name))
		if err != nil {
			return nil, err
		}
		out = append(out, fs.FileInfoToDirEntry(i))
	}
	return out, nil
}

// below names what is in a folder, sorted.
func (b *Bundle) below(dir string) []string {
	prefix := strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator)
	var names []string
	for _, f := range b.Files {
		rest, ok := strings.CutPrefix(f.Name, prefix)
		if name, _, _ := strings.Cut(rest, string(filepath.Separator)); ok && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Open implements plans.Files. A copy is proven to be what it was; a secret is read where it is.
func (b *Bundle) Open(name string) (fs.File, error) {
	abs, err := b.Abs(name)
	if err != nil {
		return nil, err
	}
	f := b.byName[abs]
	switch {
	case f == nil || f.Kind == Folder:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case f.Kind == Seen:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it was not read when the plan was last applied, so there is no copy of it")}
	case f.Kind == Secret:
		return b.openSecret(f)
	}
	if err := b.proven(f); err != nil {
		return nil, err
	}
	return opened{io.NewSectionReader(b.f, f.offset, f.size), info{filepath.Base(abs), f.size, false}}, nil
}

// proven returns an error if a copy is not what it was.
func (b *Bundle) proven(f *File) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(b.f, f.offset, f.size)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.Sum {
		return &DamagedError{Path: b.path, What: "its copy of " + f.Name + " is not what it was"}
	}
	return nil
}

// whole reports whether all copies are what they were.
func (b *Bundle) whole() bool {
	return !slices.ContainsFunc(b.Files, func(f File) bool { return f.Kind == Copied && b.proven(&f) != nil })
}

// openSecret reads a file of which there is no copy. One that changed is none to correct the host by:
// what it now says is yet to be applied.
func (b *Bundle) openSecret(f *File) (fs.File, error) {
	content, err := os.ReadFile(f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &plans.GoneError{Name: f.Name, Why: "(it is gone)"}
	case err != nil:
		return nil, &plans.GoneError{Name: f.Name, Why: "(it cannot be read)"}
	}
	ref, err := b.secrets.SecretRef(string(content))
	if err != nil {
		return nil, err
	}
	if ref != f.Ref {
		return nil, &plans.GoneError{Name: f.Name, Why: "(it changed since it was applied)"}
	}
	return opened{bytes.NewReader(content), info{filepath.Base(f.Name), int64(len(content)), false}}, nil
}

// opened is a file of a bundle.
type opened struct {
	io.Reader
	info info
}

// Stat implements fs.File.
func (o opened) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o opened) Close() error               { return nil }

// info is what is known of a file of a bundle. It has no time.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
