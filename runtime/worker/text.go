package worker

import (
	"strings"
	"unicode/utf8"
)

// text makes text of pieces: it holds back what may be a part of a character or of a stop text until that is known.
type text struct {
	stops []string
	held  []byte
}

// add takes the bytes of a token and returns what can be shown. stop is the stop text that was found, after which there is
// nothing more.
func (t *text) add(piece []byte) (shown, stop string) {
	t.held = append(t.held, piece...)
	if at, stop := t.find(); stop != "" {
		shown = valid(t.held[:at])
		t.held = nil
		return shown, stop
	}
	n := len(t.held) - max(t.partialStop(), partialRune(t.held))
	shown = valid(t.held[:n])
	t.held = append(t.held[:0], t.held[n:]...)
	return shown, ""
}

// rest returns what was held back.
func (t *text) rest() string {
	s := valid(t.held)
	t.held = nil
	return s
}

// find returns where the first stop text begins.
func (t *text) find() (at int, stop string) {
	held := string(t.held)
	at = len(held)
	for _, s := range t.stops {
		if i := strings.Index(held, s); i >= 0 && (i < at || i == at && len(s) > len(stop)) {
			at, stop = i, s
		}
	}
	return at, stop
}

// partialStop returns how many bytes at the end may be the beginning of a stop text.
func (t *text) partialStop() int {
	held, most := string(t.held), 0
	for _, s := range t.stops {
		for n := min(len(s)-1, len(held)); n > most; n-- {
			if strings.HasSuffix(held, s[:n]) {
				most = n
			}
		}
	}
	return most
}

// partialRune returns how many bytes at the end may be the beginning of a character.
func partialRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if utf8.RuneStart(b[len(b)-n]) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }
