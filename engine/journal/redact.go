package journal

import (
	"cmp"
	"slices"
	"strings"
)

// hide keeps a secret, and what it is made of, out of what will be recorded.
func (j *Journal) hide(secret string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.secrets[secret] {
		j.secrets[secret] = true
		j.pieces = append(j.pieces, secretPieces(secret)...)
		j.sorted = false
	}
}

// redact replaces every secret in s, also where only a line or a value of it appears.
func (j *Journal) redact(s string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.sorted {
		// The longest first, so that no rest of one shows where it holds another.
		slices.SortFunc(j.pieces, func(a, b string) int {
			return cmp.Or(len(b)-len(a), strings.Compare(a, b))
		})
		j.pieces, j.sorted = slices.Compact(j.pieces), true
	}
	for _, piece := range j.pieces {
		s = strings.ReplaceAll(s, piece, "(secret)")
	}
	return s
}

// shortPiece is the length from which a part of a secret is taken for one by itself.
const shortPiece = 8

// secretPieces are a secret and, where it has many lines such as those of an environment file,
// its lines and their values.
func secretPieces(secret string) []string {
	whole := strings.TrimSpace(secret)
	if whole == "" {
		return nil
	}
	out := []string{whole}
	for line := range strings.Lines(whole) {
		line = strings.TrimSpace(line)
		_, value, _ := strings.Cut(line, "=")
		for _, piece := range []string{line, strings.Trim(strings.TrimSpace(value), `"'`)} {
			if len(piece) >= shortPiece {
				out = append(out, piece)
			}
		}
	}
	return out
}
