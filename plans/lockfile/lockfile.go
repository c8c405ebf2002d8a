// Package lockfile reads and writes models.lock.hcl: what models are, as they were when somebody looked, so that plans
// need not say it and people need not copy digests. It is made of attributes alone, one object for each model, in the
// plan language: a plan reads it with hcldecode.
package lockfile

import (
	"slices"
	"strings"
)

// Name is what the file is called where nothing else is said.
const Name = "models.lock.hcl"

// Suffix ends the names of lock files: plans do not take them for theirs.
const Suffix = ".lock.hcl"

// Lock is what a lock file says.
type Lock struct {
	// Models are sorted by name, each of which is there once.
	Models []Model
}

// Model is a model that is locked.
type Model struct {
	// Name is a plain identifier.
	Name string
	// File is what its file has to be called, where that is not its name and ".gguf": llama.cpp finds the other files of
	// a model that is split by the name of the first.
	File string
	Blob
	// Shards are the other files of a model that is split, in their order.
	Shards []Shard
}

// Shard is one more file of a model that is split.
type Shard struct {
	// Name is what the file has to be called.
	Name string
	Blob
}

// Blob is one file, wherever it is.
type Blob struct {
	// URL is where it was looked at, and Mirrors are where the same bytes were found too.
	URL     string
	Mirrors []string
	// SHA256 is in 64 small hexadecimal digits, Size in bytes.
	SHA256 string
	Size   int64
}

// URLs are all places of the file, the first of them first.
func (b Blob) URLs() []string { return append([]string{b.URL}, b.Mirrors...) }

// Bytes is how large all files of the model are together.
func (m Model) Bytes() int64 {
	n := m.Size
	for _, s := range m.Shards {
		n += s.Size
	}
	return n
}

// Find returns the model of a name.
func (l *Lock) Find(name string) (Model, bool) {
	i, ok := l.search(name)
	if !ok {
		return Model{}, false
	}
	return l.Models[i], true
}

// Put adds a model, or takes the place of the one with its name.
func (l *Lock) Put(m Model) {
	i, ok := l.search(m.Name)
	if !ok {
		l.Models = slices.Insert(l.Models, i, Model{})
	}
	l.Models[i] = m
}

func (l *Lock) search(name string) (int, bool) {
	return slices.BinarySearchFunc(l.Models, name, func(m Model, name string) int { return strings.Compare(m.Name, name) })
}
