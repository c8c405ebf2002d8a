package logrotate

import (
	"slices"
	"strings"
)

// directive is a word of a configuration with what belongs to it.
type directive struct {
	line int
	// word is empty for what logrotate would not understand.
	word, arg string
	// script are the lines up to endscript.
	script []string
	// text is all of it, as it was written.
	text string
}

// block is a rule, or where it has no paths a directive outside of any.
type block struct {
	line       int
	paths      []string
	directives []directive
}

// scan reads a configuration as logrotate does (readConfigFile of config.c), but that nothing is an
// error: what cannot be read is a directive without a word.
func scan(b []byte) []block {
	s := &scanner{rest: string(b), line: 1}
	for s.rest != "" {
		s.step()
	}
	return s.out
}

type scanner struct {
	rest   string
	line   int
	inside bool
	out    []block
}

// take goes on by n bytes, which it returns.
func (s *scanner) take(n int) string {
	text := s.rest[:n]
	s.rest = s.rest[n:]
	s.line += strings.Count(text, "\n")
	return text
}

// restOfLine goes on to the end of the line, which stays.
func (s *scanner) restOfLine() string {
	n := strings.IndexByte(s.rest, '\n')
	if n < 0 {
		n = len(s.rest)
	}
	return s.take(n)
}

func (s *scanner) step() {
	switch c := s.rest[0]; {
	case strings.IndexByte(" \t\r\n", c) >= 0:
		s.take(1)
	case c == '#':
		s.restOfLine()
	case isAlpha(c):
		s.add(s.directive())
	case strings.IndexByte("/\"'~", c) >= 0 && !s.inside:
		s.open()
	case c == '}' && s.inside:
		s.take(1)
		s.inside = false
	default:
		line := s.line
		text := s.restOfLine()
		s.add(directive{line: line, text: text})
	}
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func (s *scanner) add(d directive) {
	d.text = strings.TrimSpace(d.text)
	if !s.inside {
		s.out = append(s.out, block{line: d.line})
	}
	last := &s.out[len(s.out)-1]
	last.directives = append(last.directives, d)
}

// open reads paths up to the brace after them.
func (s *scanner) open() {
	line := s.line
	end := strings.IndexAny(s.rest, "{}")
	if end < 0 || s.rest[end] == '}' {
		s.add(directive{line: line, text: s.restOfLine()})
		return
	}
	var globs strings.Builder
	for l := range strings.Lines(s.take(end)) {
		if !strings.HasPrefix(strings.TrimLeft(l, " \t"), "#") {
			globs.WriteString(l)
		}
	}
	s.take(1)
	s.inside = true
	s.out = append(s.out, block{line: line, paths: words(globs.String())})
}

// valued are the directives whose value is the rest of the line.
func valued() []string {
	return []string{
		"addextension", "compresscmd", "compressext", "compressoptions", "create", "createolddir", "dateformat", "extension",
		"include", "mail", "maxage", "maxsize", "minage", "minsize", "olddir", "rotate", "shredcycles", "size", "start", "su",
		"tabooext", "taboopat", "uncompresscmd", "weekly",
	}
}

// scripts are the directives that a script follows.
func scripts() []string {
	return []string{"firstaction", "lastaction", "postrotate", "preremove", "prerotate"}
}

// flags are the directives that stand alone, as more of them may on a line.
func flags() []string {
	out := []string{"hourly", "daily", "monthly", "yearly", "datehourago", "dateyesterday", "ignoreduplicates", "mailfirst", "maillast"}
	for _, w := range []string{
		"allowhardlink", "compress", "copy", "copytruncate", "create", "createolddir", "dateext", "delaycompress", "mail",
		"missingok", "olddir", "renamecopy", "sharedscripts", "shred",
	} {
		out = append(out, w, "no"+w)
	}
	return append(out, "ifempty", "notifempty")
}

func (s *scanner) directive() directive {
	d := directive{line: s.line}
	n := 0
	for n < len(s.rest) && isAlpha(s.rest[n]) {
		n++
	}
	d.word = s.take(n)
	d.text = d.word
	switch {
	case slices.Contains(valued(), d.word):
		text := s.restOfLine()
		d.text += text
		d.arg = strings.TrimSpace(text)
		if after, ok := strings.CutPrefix(d.arg, "="); ok {
			d.arg = strings.TrimSpace(after)
		}
	case slices.Contains(scripts(), d.word):
		d.text += s.restOfLine()
		s.script(&d)
	case !slices.Contains(flags(), d.word):
		d.word, d.text = "", d.text+s.restOfLine()
	}
	return d
}

// script reads lines up to one whose first word is endscript.
func (s *scanner) script(d *directive) {
	for s.rest != "" {
		s.take(1) // the end of the line before
		line := s.restOfLine()
		if endscript.MatchString(line) {
			return
		}
		if s.rest == "" {
			d.word = "" // logrotate refuses a script without an end
		}
		d.script = append(d.script, line)
		d.text += "\n" + line
	}
}

// words takes a line apart as popt does: blanks part words unless they are quoted.
func words(s string) []string {
	var (
		out  []string
		word strings.Builder
		open bool
		in   byte
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case in != 0 && c == in:
			in = 0
		case in != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			in, open = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if open {
				out = append(out, word.String())
				word.Reset()
			}
			open = false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		out = append(out, word.String())
	}
	return out
}
