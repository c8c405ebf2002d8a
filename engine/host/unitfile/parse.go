// Package unitfile reads a host's unit files as systemd reads them: their text, the directories
// that they are found in, and the symbolic links that enable them. It changes nothing. What
// systemctl would do to the links is computed from the tree alone, so that an image is enabled
// as a running system is.
//
// The behaviour is that of systemd 252 and later, as systemd.syntax(7), systemd.unit(5),
// systemd.preset(5) and systemctl(1) describe it and as systemctl --root shows it.
package unitfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// File is a unit file: sections in the order of the text, a repeated section as often as it is there.
type File struct {
	Sections []Section
	// Ignored are the lines that systemd warns of and otherwise passes over.
	Ignored []Ignored
}

// Section is a header and the settings below it.
type Section struct {
	Name     string
	Settings []Setting
}

// Setting is one assignment. Continuation lines are joined, blanks around key and value removed;
// quotes, escapes and specifiers are as written.
type Setting struct {
	Key, Value string
	// Line is where the assignment starts, from 1.
	Line int
}

// Ignored is a line that says nothing to systemd.
type Ignored struct {
	Line int
	Why  string
}

// SyntaxError is a unit file that systemd refuses to load.
type SyntaxError struct {
	Line int
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

const (
	blank = " \t\n\r"
	// maxLine is what systemd accepts of one line, its continuations included (LONG_LINE_MAX).
	maxLine = 1 << 20
	bom     = "\uFEFF"
)

// Parse reads a unit file. An error is a *SyntaxError: systemd would refuse the whole file.
func Parse(b []byte) (*File, error) {
	p := parser{file: &File{}}
	marked := false
	for number := 1; len(b) > 0; number++ {
		var line string
		line, b = cutLine(b)
		if !marked {
			line, marked = strings.CutPrefix(line, bom)
		}
		if err := p.physical(number, line); err != nil {
			return nil, err
		}
	}
	if len(p.pending) > 0 {
		if err := p.logical(string(p.pending)); err != nil {
			return nil, err
		}
	}
	return p.file, nil
}

// cutLine takes one line off b. An end of line is \n, \r or NUL, or several different ones in a
// row: systemd takes "\r\n" and "\n\r" for one.
func cutLine(b []byte) (string, []byte) {
	at := bytes.IndexAny(b, "\n\r\x00")
	if at < 0 {
		return string(b), nil
	}
	line, seen, end := string(b[:at]), "", at
	for end < len(b) && strings.IndexByte("\n\r\x00", b[end]) >= 0 &&
		strings.IndexByte(seen, b[end]) < 0 && !strings.Contains(seen, "\x00") {
		seen += string(b[end])
		end++
	}
	return line, b[end:]
}

// parser joins physical lines to logical ones.
type parser struct {
	file *File
	// pending is what continued lines have said so far; start is where they began.
	pending []byte
	start   int
}

func (p *parser) physical(number int, line string) error {
	if s := strings.TrimLeft(line, blank); s != "" && (s[0] == '#' || s[0] == ';') {
		return nil // also in the midst of a continuation
	}
	if len(p.pending) == 0 {
		p.start = number
	}
	if len(p.pending)+len(line) > maxLine {
		return &SyntaxError{number, "the line is longer than 1 MiB"}
	}
	if continued(line) {
		p.pending = append(append(p.pending, line[:len(line)-1]...), ' ')
		return nil
	}
	line = string(p.pending) + line
	p.pending = p.pending[:0]
	return p.logical(line)
}

// continued reports whether a line ends with a backslash that is not itself escaped.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

func (p *parser) logical(line string) error {
	line = strings.Trim(line, blank)
	switch {
	case line == "":
		return nil
	case !utf8.ValidString(line):
		return &SyntaxError{p.start, "the line is not UTF-8"}
	case line[0] == '[':
		return p.header(line)
	case len(p.file.Sections) == 0:
		p.ignore("the assignment stands before the first section")
		return nil
	}
	key, value, ok := strings.Cut(line, "=")
	switch {
	case !ok:
		p.ignore("there is no = in the line")
	case key == "":
		p.ignore("there is no name before the =")
	default:
		at := &p.file.Sections[len(p.file.Sections)-1]
		at.Settings = append(at.Settings, Setting{strings.Trim(key, blank), strings.Trim(value, blank), p.start})
	}
	return nil
}

func (p *parser) header(line string) error {
	name, ok := strings.CutSuffix(line[1:], "]")
	if !ok {
		return &SyntaxError{p.start, "the section header " + line + " does not end with ]"}
	}
	for _, c := range name {
		if c < ' ' || strings.ContainsRune("\"'\\\x7f", c) {
			return &SyntaxError{p.start, "the section header " + line + " has a character that systemd refuses"}
		}
	}
	p.file.Sections = append(p.file.Sections, Section{Name: name})
	return nil
}

func (p *parser) ignore(why string) {
	p.file.Ignored = append(p.file.Ignored, Ignored{p.start, why})
}

// Values returns what is assigned to a key in all sections of that name. An empty assignment
// takes back what stands before it, as it does for systemd's lists; of a key that is no list the
// last value counts.
func (f *File) Values(section, key string) []string {
	var out []string
	for _, s := range f.Sections {
		if s.Name != section {
			continue
		}
		for _, set := range s.Settings {
			switch {
			case set.Key != key:
			case set.Value == "":
				out = nil
			default:
				out = append(out, set.Value)
			}
		}
	}
	return out
}

// Format writes f as text that Parse reads as f, less line numbers and what was ignored. A value
// must not hold the end of a line.
func Format(f *File) []byte {
	var b bytes.Buffer
	for i, s := range f.Sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("[" + s.Name + "]\n")
		for _, set := range s.Settings {
			b.WriteString(set.Key + "=" + set.Value)
			if continued(set.Value) {
				b.WriteByte(' ') // or the next line would be part of this one
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
