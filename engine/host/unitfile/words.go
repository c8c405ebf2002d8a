package unitfile

import "strings"

// words splits a list as systemd splits names: at blanks, with quotes taken off and backslashes
// left in. It is false where a quote is not closed; what stands before it counts.
func words(s string) (out []string, ok bool) {
	for {
		s = strings.TrimLeft(s, blank)
		if s == "" {
			return out, true
		}
		var word strings.Builder
		for s != "" && !strings.ContainsRune(blank, rune(s[0])) {
			if q := s[0]; q == '\'' || q == '"' {
				end := strings.IndexByte(s[1:], q)
				if end < 0 {
					return out, false
				}
				word.WriteString(s[1 : end+1])
				s = s[end+2:]
				continue
			}
			word.WriteByte(s[0])
			s = s[1:]
		}
		out = append(out, word.String())
	}
}

// bareWords splits Also=, in which systemd keeps quotes and drops the backslash of an escape.
func bareWords(s string) (out []string, ok bool) {
	for _, field := range strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(blank, c) }) {
		var word strings.Builder
		for i := 0; i < len(field); i++ {
			if field[i] == '\\' {
				if i++; i == len(field) {
					return out, false
				}
			}
			word.WriteByte(field[i])
		}
		out = append(out, word.String())
	}
	return out, true
}
