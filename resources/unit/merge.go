package unit

import (
	"slices"
	"strings"
)

// Merge adds to earlier the files, links and states that only later tells of.
func (resource) Merge(earlier, later *Spec) *Spec {
	out := *earlier
	out.Files, out.Dropins = slices.Clone(earlier.Files), slices.Clone(earlier.Dropins)
	for _, f := range later.Files {
		if _, told := earlier.file(f.Path); !told {
			out.adopt(later, f)
		}
	}
	slices.SortFunc(out.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(out.Dropins, func(a, b Dropin) int { return strings.Compare(out.dropinPath(a.Name), out.dropinPath(b.Name)) })
	out.Exact = earlier.Exact || later.Exact
	if out.Enabled == nil {
		out.Enabled, out.Links = later.Enabled, later.Links
	}
	if fragment, told := out.file(out.fragment()); told && later.Masked != nil && out.Masked == nil {
		masked := fragment.mask()
		out.Masked = &masked
	}
	if out.State == "" {
		out.State = later.State
	}
	out.Empty = slices.Concat(earlier.Empty, later.Empty)
	slices.Sort(out.Empty)
	out.Empty = slices.Compact(out.Empty)
	return &out
}

// adopt takes over what was found at one path, and what it says.
func (s *Spec) adopt(from *Spec, f File) {
	s.Files = append(s.Files, f)
	if f.Path == s.fragment() {
		s.Unit, s.Service, s.Socket, s.Timer, s.Path = from.Unit, from.Service, from.Socket, from.Timer, from.Path
		s.Mount, s.Automount, s.Swap, s.Slice, s.Install = from.Mount, from.Automount, from.Swap, from.Slice, from.Install
	}
	label := s.label(f.Path)
	for _, d := range from.Dropins {
		if label != "" && d.Name == label {
			s.Dropins = append(s.Dropins, d)
		}
	}
}
