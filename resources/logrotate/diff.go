package logrotate

import (
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// attributes are the file's owner, group and mode as they must be: logrotate skips a file that
// others than root may write to, and warns of any other mode.
func attributes() [3]string { return [3]string{"root", "root", "0644"} }

// dressed are owner, group and mode: as they were, where an undo wants the file back.
func (s *Spec) dressed() [3]string {
	if s.Raw != nil {
		return [3]string{s.Owner, s.Group, s.Mode}
	}
	return attributes()
}

// bytes is the file as it is to be: as it was, where an undo wants it back.
func (s *Spec) bytes() string {
	if s.Raw != nil {
		return s.Raw.Reveal()
	}
	return s.format()
}

// stray is what is in the file as found and is none of the attributes.
func (s *Spec) stray() []string {
	if s.Raw == nil {
		return nil
	}
	return new(Spec).parse([]byte(s.Raw.Reveal()))
}

// private says that not everyone may read the file as found, so that it is not shown.
func (s *Spec) private() bool { return s.Raw != nil && s.Raw.Secret() }

// diff compares byte by byte and tells the difference attribute by attribute.
func diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	if have.bytes() != want.bytes() {
		out = diffContent(have, want)
	}
	h, w := have.dressed(), want.dressed()
	for i, name := range []string{"owner", "group", "mode"} {
		if h[i] != w[i] {
			out = append(out, engine.FieldDiff{Name: name, Have: h[i], Want: w[i]})
		}
	}
	return out
}

func diffContent(have, want *Spec) []engine.FieldDiff {
	if have.private() || want.private() {
		return []engine.FieldDiff{{Name: "content", Have: "(secret)", Want: "(secret, differs)", Secret: true}}
	}
	var out []engine.FieldDiff
	h, w := have.values(), want.values()
	for i := range h {
		if h[i].text != w[i].text {
			out = append(out, engine.FieldDiff{Name: h[i].name, Have: h[i].text, Want: w[i].text,
				Long: strings.Contains(h[i].text+w[i].text, "\n")})
		}
	}
	stray, wanted := strings.Join(have.stray(), "\n"), strings.Join(want.stray(), "\n")
	if stray != wanted {
		out = append(out, engine.FieldDiff{Name: "other lines", Have: stray, Want: wanted, Long: strings.Contains(stray+wanted, "\n")})
	}
	if len(out) == 0 {
		out = append(out, engine.FieldDiff{Name: "content", Have: "(the same, written in another way)", Want: "(as this agent writes it)"})
	}
	return out
}

// value is an attribute in words.
type value struct{ name, text string }

// values are all attributes, said or not, in the order of the Spec.
func (s *Spec) values() []value {
	create := ""
	if s.Create != nil {
		create = s.Create.String()
	}
	out := []value{
		{"paths", list(s.Paths)}, {"every", s.Every}, {"size", s.Size}, {"minsize", s.MinSize}, {"maxsize", s.MaxSize},
		{"maxage", number(s.MaxAge)}, {"keep", number(s.Keep)}, {"create", create}, {"su", s.Su}, {"olddir", s.OldDir},
	}
	for _, sw := range s.switches() {
		text := ""
		if *sw.value != nil {
			text = fmt.Sprint(**sw.value)
		}
		out = append(out, value{sw.name, text})
	}
	return append(out, value{"prerotate", script(s.PreRotate)}, value{"postrotate", script(s.PostRotate)})
}

func script(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func list(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return "[" + strings.Join(paths, ", ") + "]"
}
