package unit

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// States of a unit file: enabled is the one in which the unit starts at boot because of its [Install],
// generated one in which what is not ours says whether it does.
const (
	enabled   = "enabled"
	generated = "generated"
)

// linked reports whether spec manages the links that enable the unit: also where its file goes, as
// they would lead nowhere then.
func (s *Spec) linked() bool {
	return s.Enabled != nil || s.absent && (s.bare() || slices.Contains(s.paths(), s.fragment()))
}

// findLinks looks at what enables the unit, where spec asks.
func (s *Spec) findLinks(ctx context.Context, v host.View, spec *Spec) (err error) {
	if s.fileState, err = unitfile.State(v.Files, s.Name); err != nil || !spec.linked() {
		return err
	}
	if s.Links, err = s.linksIn(v.Files, s.fileState); err != nil {
		return err
	}
	// What cannot be enabled has no links to compare; Check says why.
	if wanted, _, err := unitfile.Enable(v.Files, s.Name); err == nil {
		s.wanted = s.enabling(v.Files, wanted)
	}
	if err := s.findUpheld(ctx, v); err != nil {
		return err
	}
	is := len(s.Links) > 0 // whatever state a mask makes of them
	s.Enabled = &is
	if err := s.findPreset(v); err != nil {
		return err
	}
	return s.findEmpty(v, spec)
}

// findUpheld asks systemd what it makes of links that only systemd 254 and later look at.
func (s *Spec) findUpheld(ctx context.Context, v host.View) error {
	upheld := func(p string) bool { return path.Ext(path.Dir(p)) == ".upholds" }
	links := slices.Concat(slices.Collect(maps.Keys(s.Links)), slices.Collect(maps.Keys(s.wanted)))
	if !v.Units.Running() || !slices.ContainsFunc(links, upheld) {
		return nil
	}
	state, told, err := v.Units.FileState(ctx, s.Name)
	if told && err == nil {
		s.fileState = state
	}
	return err
}

// findPreset looks at what a first boot would do, where there may be one, or where an image was
// told of it.
func (s *Spec) findPreset(v host.View) error {
	if f, _ := s.file(s.presetPath()); v.Units.Running() && !f.there() {
		return nil
	}
	enables, _, err := unitfile.Preset(v.Files, s.Name)
	s.preset = &enables
	return err
}

// linksIn are the links that enable the unit, or would if the state of its file were not masked: what
// is masked is not followed to its links.
func (s *Spec) linksIn(t host.Tree, state string) (map[string]string, error) {
	links, err := unitfile.Links(t, s.Name)
	if err != nil || !strings.HasPrefix(state, "masked") {
		return s.enabling(t, links), err
	}
	entries, err := t.ReadDir(configDir)
	if place.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		p := path.Join(configDir, entry)
		if unitfile.ForLinks(entry) {
			p = path.Join(p, s.Name)
		}
		target, err := t.Readlink(p)
		if err == nil && path.Base(target) == s.Name {
			links = append(links, unitfile.Link{Path: p, Target: target})
		}
	}
	return s.enabling(t, links), nil
}

// enabling are those of links that enable the unit, nil for none: neither the one by which it is
// there at all, where its file lies elsewhere, nor a mask.
func (s *Spec) enabling(t host.Tree, links []unitfile.Link) map[string]string {
	var out map[string]string
	for _, l := range links {
		own := path.Base(l.Path) == s.Name && (path.Dir(l.Path) == configDir || path.Dir(l.Path) == runtimeDir)
		if l.Target == devNull || own && !lasting(t, l) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[l.Path] = l.Target
	}
	return out
}

// lasting reports whether a link in /etc by which a unit is there is the second one of its name: enabling
// makes it, so that a unit of which the first is in /run is there after the next boot as well.
func lasting(t host.Tree, l unitfile.Link) bool {
	if path.Dir(l.Path) != configDir {
		return false
	}
	for _, dir := range unitfile.LookupPath(t) {
		p := path.Join(dir, path.Base(l.Path))
		if target, err := t.Readlink(p); dir != configDir && err == nil && aimedAt(p, target) == aimedAt(l.Path, l.Target) {
			return true
		}
	}
	return false
}

// aimedAt is where a link points to, by its text.
func aimedAt(link, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(path.Dir(link), target)
}

// findEmpty looks for empty folders among those where links of the unit are or may come to be.
func (s *Spec) findEmpty(v host.View, spec *Spec) error {
	dirs := slices.Concat(spec.Empty, spec.folders())
	for _, links := range []map[string]string{s.Links, s.wanted, spec.Links} {
		for p := range links {
			dirs = append(dirs, path.Dir(p))
		}
	}
	if _, managed := s.file(s.presetPath()); managed {
		dirs = append(dirs, presetDir)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		found := host.Once(v.Files, folder(dir), func() emptiness {
			empty, err := isEmpty(v, dir)
			return emptiness{empty, err}
		})
		if found.err != nil {
			return found.err
		}
		if found.empty {
			s.Empty = append(s.Empty, dir)
		}
	}
	return nil
}

// folder is one of those for links, of which a pass of reading remembers whether they are empty: many units
// have their links in one.
type folder string

type emptiness struct {
	empty bool
	err   error
}

// isEmpty reports whether dir is one of the folders that are there for links or presets alone, and
// holds nothing.
func isEmpty(v host.View, dir string) (bool, error) {
	if !unitfile.ForLinks(dir) && dir != presetDir {
		return false, nil
	}
	names, err := v.Files.ReadDir(dir)
	if place.Missing(err) {
		return false, nil
	}
	return err == nil && len(names) == 0, err
}

// stale reports whether links are not those that [Install] asks for.
func (s *Spec) stale() bool { return !maps.Equal(s.decided(s.Links, s.wanted), s.wanted) }

// decided are those of links about which [Install] decides: they outlast a boot, and are not of another
// instance of the template that the unit is, which is enabled by itself.
func (s *Spec) decided(links, wanted map[string]string) map[string]string {
	out := maps.Clone(links)
	maps.DeleteFunc(out, func(p, _ string) bool {
		other := unitfile.IsInstance(path.Base(p)) && unitfile.Template(path.Base(p)) == s.Name && wanted[p] == ""
		return other || strings.HasPrefix(p, runtimeDir)
	})
	return out
}

// relink makes the links of the unit those that want asks for, and reports whether any changed. The
// unit's files are as wanted by now.
func relink(h *host.Host, want *Spec) (changed bool, err error) {
	if want.Enabled == nil {
		return false, nil
	}
	is, to, err := aims(h, want)
	if err != nil {
		return false, err
	}
	for _, p := range slices.Sorted(maps.Keys(is)) {
		if _, stays := to[p]; stays {
			continue
		}
		changed = true
		if err := h.Files.Remove(p); err != nil {
			return changed, err
		}
	}
	attr, err := place.Attributes{}.Attr(h.View(), nil, 0)
	if err != nil {
		return changed, err
	}
	for _, p := range slices.Sorted(maps.Keys(to)) {
		if is[p] == to[p] {
			continue
		}
		changed = true
		if err := h.Files.MkdirAll(path.Dir(p), freshFolder); err != nil {
			return changed, err
		}
		if err := h.Files.Symlink(to[p], p, attr); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// aims are the links as they are now and as they are to be.
func aims(h *host.Host, want *Spec) (is, to map[string]string, err error) {
	state, err := unitfile.State(h.Files.Tree, want.Name)
	if err != nil {
		return nil, nil, err
	}
	if is, err = want.linksIn(h.Files.Tree, state); err != nil {
		return nil, nil, err
	}
	switch {
	case want.Found:
		to = want.Links
	case *want.Enabled:
		links, _, err := unitfile.Enable(h.Files.Tree, want.Name)
		if err != nil {
			return nil, nil, err
		}
		to = want.enabling(h.Files.Tree, links)
		is = want.decided(is, to)
	}
	return is, to, nil
}
