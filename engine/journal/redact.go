package journal

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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
		if len(piece) >= shortPiece {
			s = strings.ReplaceAll(s, piece, hidden)
		} else {
			s = hideWord(s, piece)
		}
	}
	return s
}

// Shows reports whether a secret that was given a reference, or a piece of one, can be read in s, be
// it as base64, or s is a part of one.
func (j *Journal) Shows(s string) bool {
	if j.redact(s) != s {
		return true
	}
	j.mu.RLock()
	defer j.mu.RUnlock()
	part := strings.TrimSpace(s)
	for secret := range j.secrets {
		if len(part) >= shortPiece && strings.Contains(secret, part) {
			return true
		}
		secret = strings.TrimSpace(secret)
		if len(secret) >= shortPiece && strings.Contains(s, base64.StdEncoding.EncodeToString([]byte(secret))) {
			return true
		}
	}
	return false
}

// hidden stands where a secret was.
const hidden = "(secret)"

// shortPiece is the length from which a secret is hidden wherever it appears, and a part of one is
// taken for a secret by itself. A shorter one is hidden where it is a word: environment files are
// full of "true" and "8000".
const shortPiece = 8

// tiny is the length up to which a secret is none: hiding every "1" would hide nothing but the rest.
const tiny = 2

// hideWord replaces word in s where no letter or digit touches it.
func hideWord(s, word string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, word)
		if !found {
			return b.String() + s
		}
		b.WriteString(before)
		if endsInWord(b.String()) || startsWithWord(after) {
			b.WriteString(word)
		} else {
			b.WriteString(hidden)
		}
		s = after
	}
}

func endsInWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func startsWithWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// secretPieces are a secret and, where it has many lines such as those of an environment file,
// its lines and their values.
func secretPieces(secret string) []string {
	whole := strings.TrimSpace(secret)
	if len(whole) <= tiny {
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
