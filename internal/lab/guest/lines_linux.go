package guest

import "strings"

// lines hands on what is written to it line by line.
type lines struct {
	each func(line string)
	rest string // of which the end is still to come
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest += string(b)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(b), nil
		}
		l.rest = rest
		l.each(readable(line))
	}
}

// end hands on a last line that has no end.
func (l *lines) end() {
	if l.rest != "" {
		l.each(readable(l.rest))
		l.rest = ""
	}
}

// readable leaves out the marks by which go tool test2json knows a line of a test from one of its output.
func readable(line string) string { return strings.ReplaceAll(line, "\x16", "") }
