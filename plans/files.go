package plans

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Files are where a plan, and all that lies beside it, is read from. Names are paths as package
// filepath has them; those that are not absolute are relative to whatever Abs says.
type Files interface {
	Abs(name string) (string, error)
	// Stat and Open follow links; what Open returns is read and closed, never waited for.
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (fs.File, error)
	// ReadDir lists a folder by name.
	ReadDir(name string) ([]fs.DirEntry, error)
}

// disk is the file system of this process.
type disk struct{}

func (disk) Abs(name string) (string, error)            { return filepath.Abs(name) }
func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) Open(name string) (fs.File, error)          { return os.Open(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// GoneError is a file that holds secrets, of which a Files therefore has no copy, and that is no
// longer as it was when the plan was last applied. What needs it is deferred.
type GoneError struct {
	Name string
	// Why is what happened to it, "(it is gone)", where Name does not say that too.
	Why string
}

func (e *GoneError) Error() string { return strings.TrimSpace(e.Name + " " + e.Why) }

// Use is what a plan took from a file.
type Use int

// The uses; of two, the later one counts.
const (
	// Folder is a folder whose files the plan has listed.
	Folder Use = iota
	// Seen is a file of which the plan knows only that it is there.
	Seen
	// Text is a text of the plan: one of its own files, or a template.
	Text
	// Data is what a function of the plan has read.
	Data
	// Secret is what a resource has read that holds secrets.
	Secret
)

// Source is a file that a plan was made from. Files of values are not among them.
type Source struct {
	// Name is the file's absolute path.
	Name string
	Use  Use
	// Sum is the digest of what was read; it is zero for what was only seen.
	Sum [sha256.Size]byte
}

// reading is how one plan is read: through it goes all that is read on the build side, and it
// remembers what that was. It may be used by several goroutines.
type reading struct {
	Files
	mu   sync.Mutex
	seen map[string]Source
}

func newReading(f Files) *reading {
	if f == nil {
		f = disk{}
	}
	return &reading{Files: f, seen: map[string]Source{}}
}

// sources are the files that were read, by name.
func (r *reading) sources() []Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.seen), func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
}

// note remembers a file. One whose name cannot be told could not be read either.
func (r *reading) note(name string, use Use, sum [sha256.Size]byte) {
	name, err := r.Abs(name)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.seen[name]
	if !known || use > s.Use {
		s.Use = use
	}
	if use > Seen {
		s.Sum = sum
	}
	s.Name = name
	r.seen[name] = s
}

// secret marks files that were read as secret.
func (r *reading) secret(names []string) {
	for _, name := range names {
		name, err := r.Abs(name)
		if err != nil {
			continue // then it was not noted
		}
		r.mu.Lock()
		if s, known := r.seen[name]; known {
			s.Use = Secret
			r.seen[name] = s
		}
		r.mu.Unlock()
	}
}

// readFile reads a file that no plan is made from.
func (d disk) readFile(name string) ([]byte, error) { return newReading(d).readFile(name) }

// read reads a file and notes it.
func (r *reading) read(name string, use Use) ([]byte, error) {
	src, err := r.readFile(name)
	if err == nil {
		r.note(name, use, sha256.Sum256(src))
	}
	return src, err
}

// readFile reads a file of the build side, of a size that fits in memory, and notes nothing. It
// never waits: a pipe or a device is refused.
func (r *reading) readFile(name string) ([]byte, error) {
	size, err := r.readable(name)
	if err != nil {
		return nil, err
	}
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	_, err = b.ReadFrom(f)
	return b.Bytes(), errors.Join(err, f.Close())
}

// readable returns the size of a file that can be read.
func (r *reading) readable(name string) (int64, error) {
	info, err := r.Stat(name)
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is not a regular file")}
	case info.Size() > maxSource:
		return 0, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is larger than 64 MiB")}
	}
	return info.Size(), nil
}

// regular reports whether there is a file at a path, links followed, and notes it.
func (r *reading) regular(name string) (bool, error) {
	info, err := r.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	r.note(name, Seen, [sha256.Size]byte{})
	return true, nil
}

// walk calls visit for everything below dir, by names relative to it with slashes. Links to
// folders are not followed.
func (r *reading) walk(dir string, visit func(rel string) error) error {
	var into func(rel string) error
	into = func(rel string) error {
		entries, err := r.ReadDir(filepath.Join(dir, filepath.FromSlash(rel)))
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := strings.TrimPrefix(rel+"/"+e.Name(), "/")
			if e.IsDir() {
				err = into(name)
			} else {
				err = visit(name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := into("")
	if err == nil {
		r.note(dir, Folder, [sha256.Size]byte{})
	}
	return err
}
