package logrotate

import (
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// header is the first line of every rule that is written.
const header = "# Written by agent0-converge: the plan decides what is here.\n"

// format writes the rule.
func (s *Spec) format() string {
	var out strings.Builder
	out.WriteString(header)
	for _, p := range s.Paths {
		out.WriteString(quote(p) + "\n")
	}
	out.WriteString("{\n")
	for _, line := range s.directives() {
		out.WriteString("    " + line + "\n")
	}
	writeScript(&out, "prerotate", s.PreRotate)
	writeScript(&out, "postrotate", s.PostRotate)
	out.WriteString("}\n")
	return out.String()
}

// safe are the characters of paths that need no quotes.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%*?[]!^~"

func quote(p string) string {
	if strings.Trim(p, safe) == "" {
		return p
	}
	return `"` + p + `"`
}

// directives are the lines of the rule but for the scripts.
func (s *Spec) directives() []string {
	var out []string
	add := func(word, value string) {
		if value != "" {
			out = append(out, word+" "+value)
		}
	}
	if s.Every != "" {
		out = append(out, s.Every)
	}
	add("size", s.Size)
	add("minsize", s.MinSize)
	add("maxsize", s.MaxSize)
	add("rotate", number(s.Keep))
	add("maxage", number(s.MaxAge))
	for _, sw := range s.switches() {
		switch {
		case *sw.value == nil:
		case **sw.value:
			out = append(out, sw.on)
		default:
			out = append(out, sw.off)
		}
	}
	if s.Create != nil {
		out = append(out, strings.TrimSpace("create "+s.Create.words()))
	}
	add("su", s.Su)
	add("olddir", s.OldDir)
	return out
}

func on(b *bool) bool { return b != nil && *b }

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// writeScript writes the lines as they are: an indent would be a part of a here-document.
func writeScript(out *strings.Builder, word string, lines engine.List) {
	if len(lines) > 0 {
		out.WriteString("    " + word + "\n" + strings.Join(lines, "\n") + "\n    endscript\n")
	}
}

// toggle is an attribute that is one of two words of logrotate.
type toggle struct {
	name, on, off string
	value         **bool
}

func (s *Spec) switches() []toggle {
	return []toggle{
		{"missing_ok", "missingok", "nomissingok", &s.MissingOK},
		{"if_empty", "ifempty", "notifempty", &s.IfEmpty},
		{"compress", "compress", "nocompress", &s.Compress},
		{"delaycompress", "delaycompress", "nodelaycompress", &s.DelayCompress},
		{"copytruncate", "copytruncate", "nocopytruncate", &s.CopyTruncate},
		{"dateext", "dateext", "nodateext", &s.DateExt},
		{"sharedscripts", "sharedscripts", "nosharedscripts", &s.SharedScripts},
	}
}
