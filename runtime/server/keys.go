package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
)

// Keys are API keys, of which only the hashes are kept.
type Keys struct{ hashes [][sha256.Size]byte }

// maxKey is how many bytes a key has at most.
const maxKey = 1024

// ParseKeys reads the keys of a file: one a line; empty lines and those that begin with "#" are skipped. A file without a
// key is an error, as it would let everybody in.
func ParseKeys(file string) (Keys, error) {
	var k Keys
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if len(line) > maxKey || strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return Keys{}, errors.New("an API key is one word of printable ASCII, of 1024 bytes at most")
		}
		k.hashes = append(k.hashes, sha256.Sum256([]byte(line)))
	}
	if len(k.hashes) == 0 {
		return Keys{}, errors.New("the file has no API key: write one a line")
	}
	return k, nil
}

// needed reports whether there are keys.
func (k Keys) needed() bool { return len(k.hashes) > 0 }

// has compares with every key, and hashes, so that the time says nothing of a key.
func (k Keys) has(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range k.hashes {
		found |= subtle.ConstantTimeCompare(sum[:], k.hashes[i][:])
	}
	return found == 1
}
