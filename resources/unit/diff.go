package unit

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Diff tells directive by directive what differs, and what would be done to a unit that runs.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	for _, c := range have.changes(want) {
		out = append(out, c.fields(have, want)...)
	}
	if d, ok := have.diffMasked(want); ok {
		out = append(out, d)
	}
	if d, ok := have.diffEnabled(want); ok {
		out = append(out, d)
	}
	if have.live == nil {
		return out
	}
	if want.State != "" && !have.is(want.State) {
		out = append(out, engine.FieldDiff{Name: "state", Have: have.word(), Want: want.State})
	}
	do := due(have, want)
	for _, x := range []struct{ name, why string }{{"restart", do.restart}, {"reload", do.reload}} {
		if x.why != "" {
			out = append(out, engine.FieldDiff{Name: x.name, Want: x.why, Cause: engine.Pending})
		}
	}
	if have.outdated() {
		out = append(out, engine.FieldDiff{Name: "daemon-reload", Want: "systemd has not read its files since they changed"})
	}
	return out
}

// Describe leaves out the state where no systemd runs, as nothing acts on it there.
func (resource) Describe(v host.View, want *Spec) *Spec {
	if v.Units.Running() {
		return want
	}
	shown := *want
	shown.State = ""
	return &shown
}

// now is the unit's state in a plan's words.
func (s *Spec) now() string {
	if s.active() {
		return running
	}
	return stopped
}

// word is the unit's state for people.
func (s *Spec) word() string {
	if s.failing() {
		return "failed"
	}
	return s.now()
}

func (s *Spec) diffMasked(want *Spec) (engine.FieldDiff, bool) {
	d := engine.FieldDiff{Name: "masked"}
	if want.Masked == nil || want.Found {
		return d, false
	}
	runtime, _ := s.file(path.Join(runtimeDir, s.Name))
	is := s.Masked != nil && *s.Masked
	d.Have, d.Want = fmt.Sprint(is), fmt.Sprint(*want.Masked)
	if !is && runtime.mask() {
		d.Have = "until the next boot"
		return d, !*want.Masked
	}
	return d, is != *want.Masked
}

func (s *Spec) diffEnabled(want *Spec) (engine.FieldDiff, bool) {
	d := engine.FieldDiff{Name: "enabled"}
	if want.Enabled == nil {
		return d, false
	}
	d.Have, d.Want = s.fileState, fmt.Sprint(*want.Enabled)
	switch {
	case d.Have == "":
		d.Have = "false"
	case d.Have == enabled:
		d.Have = "true"
	}
	switch {
	case want.Found:
		return d, !maps.Equal(s.Links, want.Links)
	case !*want.Enabled:
		if s.fileState == "" {
			d.Have = "links of a unit that is not there"
		}
		return d, len(s.Links) > 0 || s.fileState == generated
	case s.fileState != enabled:
		return d, true
	}
	d.Have = "true, by other links than [Install] has now"
	return d, s.stale()
}

// fields tells one change of a file by its directives.
func (c change) fields(have, want *Spec) []engine.FieldDiff {
	prefix := ""
	if label := have.label(c.have.Path); label != "" {
		prefix = "dropin." + label + "."
	}
	switch {
	case path.Dir(c.have.Path) == presetDir:
		return []engine.FieldDiff{{Name: "preset", Have: verb(c.have), Want: verb(c.want)}}
	case c.have.mask() || c.want.mask():
		return c.unmask(want)
	case c.have.Text != nil && c.have.Text.Secret():
		return []engine.FieldDiff{{Name: prefix + "file", Have: "(readable by its owner alone: not shown)", Want: "(differs)", Secret: true}}
	}
	out := diffSettings(prefix, parse(c.have.text()), parse(c.want.text()))
	switch {
	case len(out) > 0 || c.have.same(c.want) && !want.Found:
	case c.have.there() != c.want.there() || c.have.Target != c.want.Target:
		out = append(out, engine.FieldDiff{Name: prefix + "file", Have: c.have.what(), Want: c.want.what()})
	case !c.have.same(c.want) && want.Found:
		out = append(out, engine.FieldDiff{Name: prefix + "file", Have: "(the same, written in another way)", Want: "(as it was written)"})
	case !c.have.same(c.want):
		out = append(out, engine.FieldDiff{Name: prefix + "file", Have: "(the same, written in another way)", Want: "(as the plan writes it)"})
	default:
		out = append(out, engine.FieldDiff{Name: prefix + "file", Have: c.have.attire(), Want: c.want.attire()})
	}
	return out
}

// unmask tells of a mask that makes room for a unit's file, or comes back.
func (c change) unmask(want *Spec) []engine.FieldDiff {
	if !want.Found && want.Masked != nil {
		return diffSettings("", nil, parse(c.want.text())) // diffMasked tells the rest
	}
	out := []engine.FieldDiff{{Name: "masked", Have: fmt.Sprint(c.have.mask()), Want: fmt.Sprint(c.want.mask())}}
	return append(out, diffSettings("", parse(c.have.text()), parse(c.want.text()))...)
}

// what says in a word what is at a path.
func (f File) what() string {
	switch {
	case f.Target != "":
		return "a link to " + f.Target
	case f.Text != nil:
		return "(a file)"
	}
	return ""
}

// attire says whose a file is.
func (f File) attire() string {
	s := strings.TrimSpace(f.Owner + ":" + f.Group + " " + f.Mode)
	if len(f.Xattrs) > 0 {
		s += " with " + strings.Join(slices.Sorted(maps.Keys(f.Xattrs)), ", ")
	}
	return s
}

// verb is what a preset file of ours says, "" for none.
func verb(f File) string {
	text := strings.TrimPrefix(f.text(), header)
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return word
}

// diffSettings tells the directives that differ, in the order in which they are written.
func diffSettings(prefix string, have, want settings) []engine.FieldDiff {
	var out []engine.FieldDiff
	for _, name := range sectionNames(have, want) {
		h, w := have[name], want[name]
		keys := maps.Clone(h)
		if keys == nil {
			keys = map[string][]string{}
		}
		maps.Copy(keys, w)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if slices.Equal(h[key], w[key]) {
				continue
			}
			out = append(out, engine.FieldDiff{Name: prefix + strings.ToLower(name) + "." + key, Have: show(h[key]), Want: show(w[key])})
		}
	}
	return out
}

// sectionNames lists the sections of both, Unit first and Install last.
func sectionNames(have, want settings) []string {
	names := slices.Concat(slices.Collect(maps.Keys(have)), slices.Collect(maps.Keys(want)))
	rank := map[string]int{"Unit": -1, "Install": 1}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(rank[a]-rank[b], strings.Compare(a, b))
	})
	return slices.Compact(names)
}

func show(values []string) string {
	if len(values) == 0 {
		return ""
	}
	if len(values) == 1 && values[0] == "" {
		return `""`
	}
	return engine.List(values).String()
}
