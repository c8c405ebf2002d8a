package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// text writes a plan, a run and their endings for people.
type text struct {
	w     io.Writer
	style style
	all   bool // also what is the same
}

// header is one line about the host.
func (t text) header(f host.Facts, root string) {
	fmt.Fprintln(t.w, t.style.paint(bold, strings.Join(aboutHost(f, root), " · ")))
	fmt.Fprintln(t.w)
}

func aboutHost(f host.Facts, root string) []string {
	unknown := map[string]bool{}
	for _, name := range f.Unknown {
		unknown[name] = true
	}
	var parts []string
	add := func(name, s string) {
		if s != "" && !unknown[name] {
			parts = append(parts, s)
		}
	}
	if root != "" && root != "/" {
		parts = append(parts, "root "+root)
	}
	add("hostname", f.Hostname)
	add("distro", strings.TrimSpace(distroName(f)+" "+f.Distro.Version))
	add("init", f.Init)
	if f.SELinux != "" && f.SELinux != "disabled" {
		add("selinux", "SELinux "+f.SELinux)
	}
	if f.Firewall != "" && f.Firewall != "none" {
		add("firewall", "firewall "+f.Firewall)
	}
	if f.Memory > 0 {
		add("memory", fmt.Sprintf("%d GiB", (f.Memory+1<<29)>>30))
	}
	for _, g := range f.GPUs {
		add("gpus", strings.TrimSpace(g.Vendor+" "+g.Name))
	}
	return parts
}

func distroName(f host.Facts) string {
	if f.Distro.ID == "" {
		return f.OS
	}
	return strings.ToUpper(f.Distro.ID[:1]) + f.Distro.ID[1:]
}

// marks say at a glance what becomes of a resource.
var marks = map[engine.Action]struct{ sign, colour string }{
	engine.NoOp:   {" ", dim},
	engine.Create: {"+", green},
	engine.Update: {"~", yellow},
	engine.Remove: {"-", red},
	engine.Defer:  {">", cyan},
	engine.Broken: {"!", red},
	engine.Leave:  {"·", yellow},
}

// shows reports whether there is something to say of a resource.
func (t text) shows(c *engine.Change) bool {
	return c.Action != engine.NoOp || t.all || len(c.Warnings) > 0 || c.Why != "" && c.Origin != engine.FromUndo
}

// change writes one resource: a line, and a line for each attribute that differs.
func (t text) change(c *engine.Change, note string) {
	if !t.shows(c) && note == "" {
		return
	}
	// One write for each resource: a terminal shows it at once, and it costs one system call.
	out := t.w
	var b strings.Builder
	t.w = &b
	defer func() { fmt.Fprint(out, b.String()) }()
	m := marks[c.Action]
	line := fmt.Sprintf("  %s %s %s %s", m.sign, pad(string(c.Addr), 32), pad(string(c.Action), 9), strings.Join(nonEmpty(note, c.Why, costOf(c)), "  "))
	fmt.Fprintln(t.w, t.style.paint(m.colour, strings.TrimRight(line, " ")))
	t.fields(c.Fields)
	if c.Irreversible != "" {
		fmt.Fprintf(t.w, "      cannot be undone: %s\n", c.Irreversible)
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(t.w, "      %s %s\n", t.style.paint(yellow, "warning:"), visible(strings.ReplaceAll(w, "\n", "\n      ")))
	}
	if c.Err != nil {
		fmt.Fprintf(t.w, "      %s\n", t.style.paint(red, atPlace(c.Err, c.Place)))
	}
}

// costOf says what a change takes, before it is made.
func costOf(c *engine.Change) string {
	if c.Cost == nil || c.After != nil {
		return ""
	}
	return c.Cost.Text
}

func atPlace(err error, p engine.Place) string {
	s := visible(strings.ReplaceAll(err.Error(), "\n", "\n      "))
	if p.File != "" {
		s += " (" + p.String() + ")"
	}
	return s
}

func (t text) fields(fs []engine.FieldDiff) {
	width := 11
	for _, f := range fs {
		width = max(width, len(f.Name))
	}
	for _, f := range fs {
		switch {
		case f.Long:
			fmt.Fprintf(t.w, "      %s\n", f.Name)
			t.diff(f.Have, f.Want)
		case f.Have == "" || f.Have == "(secret)" && f.Want != "":
			fmt.Fprintf(t.w, "      %s %s\n", pad(f.Name, width), oneLine(f.Want))
		case f.Want == "":
			fmt.Fprintf(t.w, "      %s %s → (none)\n", pad(f.Name, width), oneLine(f.Have))
		default:
			fmt.Fprintf(t.w, "      %s %s → %s\n", pad(f.Name, width), oneLine(f.Have), oneLine(f.Want))
		}
	}
}

// maxDiffLines keeps a rewritten file from burying the rest of the plan.
const maxDiffLines = 40

// diff writes the lines that differ, with a little around them.
func (t text) diff(have, want string) {
	lines := strings.Split(strings.TrimSuffix(udiff.Unified("have", "want", have, want), "\n"), "\n")
	lines = lines[min(2, len(lines)):] // the names of the two sides
	for i, line := range lines {
		if i == maxDiffLines {
			fmt.Fprintf(t.w, "        … %d more lines\n", len(lines)-i)
			return
		}
		colour := dim
		switch {
		case strings.HasPrefix(line, "+"):
			colour = green
		case strings.HasPrefix(line, "-"):
			colour = red
		}
		fmt.Fprintf(t.w, "        %s\n", t.style.paint(colour, visible(line)))
	}
}

// visible shows control characters, which a terminal would obey, and those that turn text round.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return r
		case r < ' ' || r == 0x7f:
			return controlPicture(r)
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			return utf8.RuneError
		}
		return r
	}, s)
}

func oneLine(s string) string {
	s = visible(strings.ReplaceAll(s, "\n", "⏎"))
	if utf8.RuneCountInString(s) > 100 {
		s = string([]rune(s)[:99]) + "…"
	}
	return s
}

func pad(s string, width int) string {
	if n := utf8.RuneCountInString(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

func nonEmpty(parts ...string) []string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// planned is the last line of a plan.
func (t text) planned(p *engine.Plan) {
	var parts []string
	counts := map[engine.Action]int{}
	var lasting []string
	for _, c := range p.Changes {
		counts[c.Action]++
		if c.Irreversible != "" {
			lasting = append(lasting, string(c.Addr))
		}
	}
	for _, k := range []struct {
		action engine.Action
		words  string
	}{
		{engine.Create, "to create"}, {engine.Update, "to change"}, {engine.Remove, "to remove"},
		{engine.Defer, "deferred to first boot"}, {engine.Broken, "cannot be done"}, {engine.NoOp, "same"},
	} {
		if n := counts[k.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k.words))
		}
	}
	changes := counts[engine.Create] + counts[engine.Update] + counts[engine.Remove]
	if slices.ContainsFunc(p.Changes, t.shows) {
		fmt.Fprintln(t.w)
	}
	if len(parts) == 0 {
		parts = []string{"The plan is empty"}
	}
	line := strings.Join(parts, ", ") + "."
	switch {
	case changes == 0:
	case len(lasting) == 0:
		line += " All of it can be undone."
	default:
		line += " All of it can be undone but " + strings.Join(lasting, ", ") + "."
	}
	fmt.Fprintln(t.w, line)
}

// controlPicture is Unicode's picture of a control character (block Control Pictures).
func controlPicture(r rune) rune {
	if r == 0x7f {
		return '␡'
	}
	return '␀' + r
}
