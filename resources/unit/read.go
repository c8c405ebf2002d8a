package unit

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

type resource struct{}

// seen is what only this look at the host has: it is neither compared nor kept.
type seen struct {
	// live is the unit as systemd has it, nil where none runs.
	live *host.UnitState
	// unread says that systemd has not read a file of the unit that it does not miss.
	unread bool
	// self says that the agent runs in the unit.
	self bool
	// state of the unit file, in systemctl's words.
	fileState string
	// vendor is the unit file outside of /etc, "" for none.
	vendor string
	// foreign are drop-ins in /etc that nothing here wrote.
	foreign []string
	// wanted are the links that its [Install] asks for as it is now.
	wanted map[string]string
	// preset says whether the unit's preset enables it, where that matters.
	preset *bool
	// record is of the start that a run made or verified, nil for none.
	record *record
	// named says that the block is no more than a name.
	named bool
}

// Read reports as much of the unit as spec manages.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	have, err := find(ctx, v, spec)
	if err != nil {
		return nil, err
	}
	there, err := have.there(v, spec)
	if !there || err != nil {
		return nil, err
	}
	return have, nil
}

// find looks at the unit, be it there or not.
func find(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	v.Files = v.Files.Pass()
	have := &Spec{Name: spec.Name, Found: true, Exact: spec.Exact}
	have.named = spec.bare()
	if err := have.findFiles(v, spec); err != nil {
		return nil, err
	}
	if err := have.findLive(ctx, v, spec); err != nil {
		return nil, err
	}
	if err := have.findMask(spec); err != nil {
		return nil, err
	}
	if err := have.findLinks(ctx, v, spec); err != nil {
		return nil, err
	}
	if err := have.findUnread(v); err != nil {
		return nil, err
	}
	return have, have.findVendor(v)
}

// findFiles looks at all paths that spec manages, and at what is left of earlier plans.
func (s *Spec) findFiles(v host.View, spec *Spec) error {
	paths := spec.paths()
	for _, p := range paths {
		f, err := look(v, p)
		if err != nil {
			return err
		}
		s.Files = append(s.Files, f)
	}
	names, err := v.Files.ReadDir(spec.dropinDir())
	if err != nil && !place.Missing(err) {
		return place.Unreadable(err)
	}
	for _, name := range names {
		p := path.Join(spec.dropinDir(), name)
		if !strings.HasSuffix(name, ".conf") || slices.Contains(paths, p) {
			continue
		}
		f, err := look(v, p)
		if err != nil {
			return err
		}
		if f.ours() || spec.Exact || spec.absent && spec.bare() {
			s.Files = append(s.Files, f)
		} else if f.there() {
			s.foreign = append(s.foreign, p)
		}
	}
	slices.SortFunc(s.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	s.takeFiles()
	return nil
}

// paths are those that spec manages by what it says. Where the unit's file goes, so does its preset: an
// earlier plan may have said whether it is enabled.
func (s *Spec) paths() []string {
	out := s.ownPaths()
	if preset := s.presetPath(); s.absent && slices.Contains(out, s.fragment()) && !slices.Contains(out, preset) {
		out = append(out, preset)
	}
	return out
}

func (s *Spec) ownPaths() []string {
	var out []string
	if s.Found {
		for _, f := range s.Files {
			out = append(out, f.Path)
		}
		return out
	}
	all := s.absent && s.bare()
	if s.ownFile() || s.Masked != nil || all {
		out = append(out, s.fragment())
	}
	if s.Masked != nil || all {
		out = append(out, path.Join(runtimeDir, s.Name))
	}
	if s.Enabled != nil {
		out = append(out, s.presetPath())
	}
	for _, d := range s.Dropins {
		out = append(out, s.dropinPath(d.Name))
	}
	return out
}

// takeFiles fills in what the files say, for whoever compares attributes.
func (s *Spec) takeFiles() {
	for _, f := range s.Files {
		if f.Text == nil || f.Text.Secret() {
			continue
		}
		said := parse(f.text())
		if f.Path == s.fragment() {
			s.take(said)
		} else if label := s.label(f.Path); label != "" {
			var d Spec
			d.take(said)
			s.Dropins = append(s.Dropins, Dropin{Name: label, Unit: d.Unit, Service: d.Service, Socket: d.Socket, Timer: d.Timer,
				Path: d.Path, Mount: d.Mount, Automount: d.Automount, Swap: d.Swap, Slice: d.Slice, Install: d.Install})
		}
	}
}

// label is that of the drop-in at the path p, "" if that is none.
func (s *Spec) label(p string) string {
	if path.Dir(p) != s.dropinDir() {
		return ""
	}
	return strings.TrimSuffix(path.Base(p), ".conf")
}

// file is what was found at the path p.
func (s *Spec) file(p string) (File, bool) {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path == p })
	if i < 0 {
		return File{Path: p}, false
	}
	return s.Files[i], true
}

// findMask tells whether something keeps the unit from being started, where spec asks.
func (s *Spec) findMask(spec *Spec) error {
	if spec.Masked == nil {
		return nil
	}
	f, _ := s.file(s.fragment())
	masked := f.mask()
	s.Masked = &masked
	return nil
}

// findVendor looks for a unit file that others bring.
func (s *Spec) findVendor(v host.View) error {
	places, err := unitfile.Places(v.Files, s.Name)
	for _, p := range places {
		if dir := path.Dir(p); dir != configDir && dir != runtimeDir {
			s.vendor = p
			break
		}
	}
	return err
}

// there reports whether there is such a unit, or, where it is to go, anything of it that spec
// manages.
func (s *Spec) there(v host.View, spec *Spec) (bool, error) {
	if len(s.Links) > 0 || slices.ContainsFunc(s.Files, File.there) || s.State == running {
		return true, nil
	}
	if spec.absent {
		return s.leftovers(), s.refuseVendor(spec)
	}
	if spec.Found && len(spec.Links) == 0 && spec.State != running && !slices.ContainsFunc(spec.Files, File.there) {
		return true, nil // as wanted: what brings its file may have gone before
	}
	if s.vendor != "" || s.live != nil && s.live.Load != "not-found" {
		return true, nil
	}
	u, err := unitfile.Locate(v.Files, s.Name)
	return u != nil, err
}

// leftovers reports whether systemd still has something of a unit whose files are gone.
func (s *Spec) leftovers() bool {
	if s.live == nil {
		return false
	}
	gone := func(p string) bool { _, managed := s.file(p); return managed }
	return s.record != nil || gone(s.live.Fragment) && s.live.Load != "not-found" || slices.ContainsFunc(s.live.DropIns, gone) ||
		s.live.Load == "not-found" && s.live.Active == "failed"
}

// refuseVendor keeps a unit that a package brings from being called absent.
func (s *Spec) refuseVendor(spec *Spec) error {
	if !spec.bare() || s.vendor == "" {
		return nil
	}
	return &engine.OccupiedError{Detail: fmt.Sprintf("%s is there, where packages and generators put units: nothing here removes it; "+
		"to keep it from running write masked = true, or enabled = false and state = \"stopped\"", s.vendor)}
}
