package unitfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// presetDirs are where preset files lie, the strongest first (systemd.preset(5)).
func presetDirs() []string {
	return []string{
		"/etc/systemd/system-preset", "/run/systemd/system-preset",
		"/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset", "/lib/systemd/system-preset",
	}
}

// preset is one line of a preset file.
type preset struct {
	// verb is enable, disable or ignore.
	verb, pattern string
	fitting       *regexp.Regexp
	// instances are those of a template that the line enables.
	instances []string
	line      string
}

// Preset says whether a first boot, or "systemctl preset", would enable a unit, and by which line
// of which file: "/etc/systemd/system-preset/50-x.preset: disable x.service". Without a line that
// fits the rule is empty and the unit enabled. A line "ignore", which systemd 252 passes over,
// leaves a unit as it is.
func Preset(t host.Tree, name string) (enable bool, rule string, err error) {
	found, err := presetOf(t, name)
	if err != nil {
		return false, "", fmt.Errorf("cannot tell the preset of %s: %w", name, err)
	}
	if found.verb == "ignore" {
		state, err := State(t, name)
		return state == "enabled", found.line, err
	}
	return found.verb != "disable", found.line, nil
}

// presetOf finds the first line that fits. Its zero value is that there is none.
func presetOf(t host.Tree, name string) (preset, error) {
	if err := ValidName(name); err != nil {
		return preset{}, err
	}
	d := newDisk(t)
	all := host.Once(d.Tree, presetsKey{}, d.presets)
	if i := slices.IndexFunc(all.list, func(p preset) bool { return p.fits(name) }); i >= 0 {
		return all.list[i], nil
	}
	return preset{}, all.err
}

// presetList are the lines of all preset files, up to one that cannot be read.
type presetList struct {
	list []preset
	err  error
}

// presetsKey is that of all presets among what is remembered of a tree.
type presetsKey struct{}

func (d *disk) presets() (out presetList) {
	files, err := d.confFiles(presetDirs(), ".preset")
	if err != nil {
		return presetList{nil, err}
	}
	for _, file := range files {
		mask, err := d.isMask(file)
		if err != nil || mask {
			continue // a link that goes nowhere, or to /dev/null
		}
		b, err := d.ReadFile(file)
		if absent(err) {
			continue
		}
		if err != nil {
			out.err = err
			return out
		}
		for len(b) > 0 {
			var line string
			line, b = cutLine(b)
			if p, ok := parsePreset(line); ok {
				p.line, p.fitting = file+": "+strings.Trim(line, blank), glob(p.pattern)
				out.list = append(out.list, p)
			}
		}
	}
	return out
}

// parsePreset reads a line; comments and what systemd would warn of are no presets.
func parsePreset(line string) (preset, bool) {
	line = strings.Trim(line, blank)
	verb, rest := line, ""
	if i := strings.IndexAny(line, blank); i >= 0 {
		verb, rest = line[:i], strings.Trim(line[i:], blank)
	}
	switch verb {
	case "enable":
		fields := strings.Fields(rest)
		if len(fields) == 0 || len(fields) > 1 && !IsTemplate(fields[0]) {
			return preset{}, false
		}
		return preset{verb: verb, pattern: fields[0], instances: fields[1:]}, true
	case "disable", "ignore":
		return preset{verb: verb, pattern: rest}, rest != ""
	}
	return preset{}, false
}

func (p preset) fits(name string) bool {
	if len(p.instances) > 0 && (IsTemplate(name) || IsInstance(name)) && Template(name) == p.pattern {
		_, instance, _, _ := parts(name)
		if instance == "" || slices.Contains(p.instances, instance) {
			return true
		}
	}
	return p.fitting.MatchString(name)
}

// glob turns a shell pattern into a regular expression. As in systemd a star stands for anything
// and a backslash for itself.
func glob(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			set, n := globSet(pattern[i:])
			b.WriteString(set)
			i += n - 1
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil { // a range such as [z-a]: it fits nothing but itself
		return regexp.MustCompile(`\A` + regexp.QuoteMeta(pattern) + `\z`)
	}
	return re
}

// globSet reads a set such as [a-z] or [!0-9] and says how long it is. Without its end it is a
// bracket like any other character.
func globSet(s string) (string, int) {
	at, not := 1, ""
	if at < len(s) && (s[at] == '!' || s[at] == '^') {
		at, not = 2, "^"
	}
	from := at
	if at < len(s) && s[at] == ']' {
		at++
	}
	end := strings.IndexByte(s[min(at, len(s)):], ']')
	if end < 0 {
		return `\[`, 1
	}
	end += at
	inside := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(s[from:end])
	return "[" + not + inside + "]", end + 1
}
