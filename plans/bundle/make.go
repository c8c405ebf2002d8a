package bundle

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/plans"
)

// Secrets is what is known of the secrets of a plan. A journal knows it.
type Secrets interface {
	// SecretRef returns the reference that stands for a secret.
	SecretRef(secret string) (string, error)
	// Shows reports whether a secret that was ever asked about can be read in a text, or the text in it.
	Shows(text string) bool
}

// Pack is a bundle that is yet to be stored.
type Pack struct {
	manifest Manifest
	content  []byte // nil where the host has the same bundle already
}

// Make packs what plan was made from. in is what it was loaded with, from the file system. It must be
// called when all secrets of the plan are known, and before they or the plan's files can have changed.
func Make(tree host.Tree, in plans.Input, plan *plans.Plan, forgetSecrets bool, s Secrets) (*Pack, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot keep what the plan was made from: %w", err)
	}
	p := &Pack{manifest: Manifest{
		Format: Format, Name: plan.Name, Digest: plan.Digest, Path: in.Path, Dir: dir, ForgetSecrets: forgetSecrets,
	}}
	if p.manifest.Variables, err = plan.Known(s.SecretRef); err != nil {
		return nil, err
	}
	sources := plan.Read()
	if p.manifest.Files, err = sorted(sources, s); err != nil {
		return nil, fmt.Errorf("cannot keep what the plan was made from: %w", err)
	}
	same, err := p.place(tree)
	if err != nil || same {
		return p, err
	}
	if err := p.pack(); err != nil {
		return nil, fmt.Errorf("cannot keep what the plan was made from: %w", err)
	}
	return p, nil
}

// sorted decides how each file is kept. The secret ones come first, so that what they hold is known
// when the others are looked at.
func sorted(sources []plans.Source, s Secrets) ([]File, error) {
	files := make([]File, len(sources))
	for i, src := range sources {
		files[i] = File{Name: src.Name, Kind: Copied, Sum: hex.EncodeToString(src.Sum[:])}
		switch src.Use {
		case plans.Folder, plans.Seen:
			files[i].Kind, files[i].Sum = map[plans.Use]Kind{plans.Folder: Folder, plans.Seen: Seen}[src.Use], ""
		case plans.Secret:
			if err := files[i].conceal(s); err != nil {
				return nil, err
			}
		}
	}
	for i, src := range sources {
		if src.Use != plans.Data {
			continue
		}
		b, err := files[i].read()
		if err != nil {
			return nil, err
		}
		if s.Shows(string(b)) || s.Shows(base64.StdEncoding.EncodeToString(b)) { // the latter is what filebase64 makes of it
			if err := files[i].conceal(s); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// conceal keeps no more than a reference.
func (f *File) conceal(s Secrets) error {
	b, err := f.read()
	if err != nil {
		return err
	}
	f.Kind, f.Sum = Secret, ""
	f.Ref, err = s.SecretRef(string(b))
	return err
}

// read reads the file where it is and proves that it is what the plan has read.
func (f *File) read() ([]byte, error) {
	b, err := os.ReadFile(f.Name)
	if err != nil {
		return nil, err
	}
	if sumOf(b) != f.Sum {
		return nil, fmt.Errorf("%s changed while the plan was read", f.Name)
	}
	return b, nil
}

// place finds the plan's place among those of the host, and whether it has this very bundle.
func (p *Pack) place(tree host.Tree) (same bool, err error) {
	old, err := open(tree, fileOf(p.manifest.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, new(*DamagedError)):
		return false, p.last(tree)
	case err != nil:
		return false, err
	}
	defer old.Close()
	p.manifest.Order = old.Order
	was, err := old.encode()
	if err != nil {
		return false, err
	}
	is, err := p.manifest.encode()
	return err == nil && bytes.Equal(was, is) && old.whole(), err
}

// encode writes the manifest so that people can read it, and the same one always the same way.
func (m *Manifest) encode() ([]byte, error) { return json.MarshalIndent(m, "", " ") }

// last puts the plan after all others.
func (p *Pack) last(tree host.Tree) error {
	known, err := List(tree)
	if err != nil && !errors.As(err, new(*DamagedError)) { // which has no place
		return err
	}
	for _, m := range known {
		p.manifest.Order = max(p.manifest.Order, m.Order)
	}
	p.manifest.Order++
	return nil
}

// pack writes the archive.
func (p *Pack) pack() error {
	js, err := p.manifest.encode()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name string, b []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := w.Write(b)
		return err
	}
	if err := add(manifestName, js); err != nil {
		return err
	}
	for _, f := range p.manifest.Files {
		if f.Kind != Copied {
			continue
		}
		b, err := f.read()
		if err != nil {
			return err
		}
		if err := add("files/"+filepath.Base(f.Name), b); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	p.content = out.Bytes()
	return nil
}

// Store keeps the bundle in place of an older one. Where that is the same, nothing is written.
func (p *Pack) Store(files *host.Files) error {
	if p.content == nil {
		return nil
	}
	err := files.MkdirAll(Dir, 0o700)
	if err == nil {
		err = files.Write(fileOf(p.manifest.Name), p.content, host.Attr{Mode: 0o600, UID: -1, GID: -1})
	}
	if err != nil {
		return fmt.Errorf("cannot keep what the plan was made from: %w", err)
	}
	return nil
}

// Remove forgets the bundle of a plan, if there is one.
func Remove(files *host.Files, plan string) error {
	if err := files.Remove(fileOf(plan)); err != nil {
		return fmt.Errorf("cannot forget what the plan was made from: %w", err)
	}
	return nil
}
