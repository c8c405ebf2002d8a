package journal

import (
	"maps"
	"slices"
	"strings"
)

// redact replaces every secret in s, also where only a line or a value of it appears.
func (j *Journal) redact(s string) string {
	if s == "" {
		return s
	}
	j.mu.RLock()
	secrets := slices.Collect(maps.Keys(j.secrets))
	j.mu.RUnlock()
	var pieces []string
	for _, secret := range secrets {
		pieces = append(pieces, secretPieces(secret)...)
	}
	// The longest first, so that no rest of one shows where it holds another.
	slices.SortFunc(pieces, func(a, b string) int { return len(b) - len(a) })
	for _, piece := range slices.Compact(pieces) {
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
