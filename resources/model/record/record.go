// Package record keeps what models were found to be when they were last read, so that a later run knows it
// without reading gigabytes again.
package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Dir is where the records are, one file for each model. Only root may write there.
const Dir = engine.StateDir + "/models"

// suffix is that of the records in Dir.
const suffix = ".json"

// Record is what a file was found to be.
type Record struct {
	// Path is where it is.
	Path string `json:"path"`
	// SHA256 is what it had when it was read, in hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Dev, Ino, Modified and Changed tell the file, as it was then, from every other: device, inode, mtime
	// and ctime, these in nanoseconds since 1970.
	Dev      uint64 `json:"dev"`
	Ino      uint64 `json:"ino"`
	Modified int64  `json:"mtime"`
	Changed  int64  `json:"ctime"`
	// Verity is the digest of fs-verity in hexadecimal digits, "" where the file has none. Under it no byte of
	// the file can change without every reader being told.
	Verity string `json:"verity,omitempty"`
	// Unsettled says that the file's times tell too little for later changes to show in them.
	Unsettled bool `json:"unsettled,omitempty"`
	// Verified is when it was read.
	Verified time.Time `json:"verified"`
	// Sources are where it may be got from, and From where it came from; "" and none for a file that was there.
	Sources []string `json:"sources,omitempty"`
	From    string   `json:"from,omitempty"`
	// Fetched and Seconds are how many bytes came from there and how long that took.
	Fetched int64   `json:"fetched,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	// Unverified says that no plan said what it should be.
	Unverified bool `json:"unverified,omitempty"`
}

// Means is by what a record holds.
type Means string

// The means.
const (
	ByVerity Means = "fs-verity"     // the kernel checks every page
	ByTimes  Means = "cached record" // same inode, size, mtime and ctime as when it was read
)

// name is the file of the record of the model at p.
func name(p string) string {
	sum := sha256.Sum256([]byte(p))
	return path.Join(Dir, hex.EncodeToString(sum[:16])+suffix)
}

// Of returns the record of what is at p, nil for none. A record that cannot be read is none: reading the model
// makes it again.
func Of(t host.Tree, p string) (*Record, error) {
	r, err := read(t, name(p))
	if err != nil || r == nil || r.Path != p {
		return nil, err
	}
	return r, nil
}

func read(t host.Tree, name string) (*Record, error) {
	b, err := t.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, err
	}
	r := &Record{}
	d := json.NewDecoder(bytes.NewReader(b))
	if d.Decode(r) != nil {
		return nil, nil
	}
	return r, nil
}

// All lists the records, in no order that means anything.
func All(t host.Tree) ([]Record, error) {
	names, err := t.ReadDir(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the records of models: %w", err)
	}
	var out []Record
	for _, n := range names {
		if !strings.HasSuffix(n, suffix) {
			continue
		}
		r, err := read(t, path.Join(Dir, n))
		if err != nil {
			return nil, err
		}
		if r != nil {
			out = append(out, *r)
		}
	}
	return out, nil
}

// Holds reports by what the record still tells what is at its path, of which info was found; "" is by nothing.
func (r *Record) Holds(t host.Tree, info host.Info) (Means, error) {
	if r == nil || info.Kind != host.File || info.Size != r.Size {
		return "", nil
	}
	if r.Verity != "" {
		sum, err := t.Verity(r.Path)
		if err != nil {
			return "", err
		}
		if sum != nil && hex.EncodeToString(sum) == r.Verity {
			return ByVerity, nil
		}
	}
	if !r.Unsettled && info.Dev == r.Dev && info.Ino == r.Ino && info.ModTime.UnixNano() == r.Modified && info.ChangeTime.UnixNano() == r.Changed {
		return ByTimes, nil
	}
	return "", nil
}

// Now reports by what the record tells of what is at its path now. What cannot be looked at is an error, fs.ErrNotExist
// where it is gone.
func (r *Record) Now(t host.Tree) (Means, error) {
	info, err := t.Lstat(r.Path)
	if err != nil {
		return "", err
	}
	return r.Holds(t, info)
}

// See fills in what tells the file that info describes.
func (r *Record) See(info host.Info) {
	r.Size, r.Dev, r.Ino = info.Size, info.Dev, info.Ino
	r.Modified, r.Changed = info.ModTime.UnixNano(), info.ChangeTime.UnixNano()
}

// Write keeps the record.
func (r *Record) Write(f *host.Files) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("cannot write the record of %s: %w", r.Path, err)
	}
	if err := f.MkdirAll(Dir, 0o700); err != nil {
		return err
	}
	return f.Write(name(r.Path), append(b, '\n'), host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

// Remove forgets what was at p.
func Remove(f *host.Files, p string) error { return f.Remove(name(p)) }
