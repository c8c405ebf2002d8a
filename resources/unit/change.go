package unit

import (
	"path"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine"
)

// change is a path at which something else is to be.
type change struct{ have, want File }

// changes lists, in the order of the paths, those where want has something else than was found;
// nil wants the unit gone.
func (s *Spec) changes(want *Spec) []change {
	var out []change
	add := func(f File) {
		aim, managed := want.aim(s, f)
		if managed && (!f.same(aim) || want != nil && want.Found && !f.dressed(aim)) {
			out = append(out, change{f, aim})
		}
	}
	for _, f := range s.Files {
		add(f)
	}
	if want == nil {
		return out
	}
	for _, p := range want.paths() { // what Read had no cause to look at
		if _, known := s.file(p); !known {
			add(File{Path: p})
		}
	}
	return out
}

// aim is what s wants where f was found, if it manages that.
func (s *Spec) aim(have *Spec, f File) (File, bool) {
	gone := File{Path: f.Path}
	switch {
	case s == nil:
		return gone, true
	case s.Found:
		was, _ := s.file(f.Path)
		return was, true
	case f.Path == s.fragment():
		return s.aimFragment(f)
	case f.Path == s.presetPath():
		return s.aimPreset(have, f)
	case path.Dir(f.Path) == runtimeDir:
		return gone, s.Masked != nil && !*s.Masked && f.mask()
	}
	label := s.label(f.Path)
	i := slices.IndexFunc(s.Dropins, func(d Dropin) bool { return d.Name == label })
	if i < 0 {
		return gone, true
	}
	gone.Text = engine.NewText(s.Dropins[i].text())
	return gone, true
}

// aimFragment is what is to be in /etc under the unit's own name.
func (s *Spec) aimFragment(f File) (File, bool) {
	aim := File{Path: f.Path}
	switch {
	case s.ownFile():
		aim.Text = engine.NewText(s.text())
		return aim, true
	case s.Masked != nil && *s.Masked:
		aim.Target = devNull
		return aim, !f.mask()
	case s.Masked != nil:
		return aim, f.mask()
	}
	return aim, false
}

// aimPreset is the preset by which the first boot of an image, or whoever resets all units to their
// presets, leaves the unit as the plan has it. It is made in an image, where the presets that there
// are say otherwise, and kept up where it is.
func (s *Spec) aimPreset(have *Spec, f File) (File, bool) {
	if s.Enabled == nil || have.preset == nil || *have.preset == *s.Enabled {
		return f, false
	}
	verb := "disable "
	if *s.Enabled {
		verb = "enable "
	}
	return File{Path: f.Path, Text: engine.NewText(header + verb + s.Name + "\n")}, true
}
