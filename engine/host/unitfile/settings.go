package unitfile

import (
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// loadDropIn reads a drop-in. One that is a link to /dev/null, or empty, takes the place of those
// of its name elsewhere and says nothing.
func (in *install) loadDropIn(u *unit, p string) error {
	if mask, err := in.isMask(p); err != nil || mask {
		return err
	}
	f := in.file(p)
	if absent(f.err) {
		return faultf(bad, "the drop-in %s leads nowhere", p)
	}
	if f.err != nil {
		return faultf(bad, "%v", f.err)
	}
	return in.take(u, p, f)
}

// file is as much of a unit file as enablement is about.
type file struct {
	// settings are those of the sections [Install], syntax is what keeps systemd from taking the file.
	settings []Setting
	syntax   error
	empty    bool
	err      error
}

func (d *disk) file(p string) *file {
	return host.Once(d.Tree, fileKey(p), func() *file {
		b, err := d.ReadFile(p)
		if err != nil {
			return &file{err: err}
		}
		f := &file{empty: len(b) == 0}
		text, err := Parse(b)
		if err != nil {
			f.syntax = err
			return f
		}
		for _, s := range text.Sections {
			if s.Name == "Install" {
				f.settings = append(f.settings, s.Settings...)
			}
		}
		return f
	})
}

// take takes the [Install] section of the file at p into u.
func (in *install) take(u *unit, p string, f *file) error {
	if f.syntax != nil {
		return faultf(bad, "%s: %v", p, f.syntax)
	}
	for _, set := range f.settings {
		if err := in.set(u, set); err != nil {
			return faultf(bad, "%s: line %d: %v", p, set.Line, err)
		}
	}
	return nil
}

// set takes one setting of [Install]. What systemd passes over with a warning is passed over.
func (in *install) set(u *unit, s Setting) error {
	lists := map[string]*[]string{"WantedBy": &u.wantedBy, "RequiredBy": &u.requiredBy, "UpheldBy": &u.upheldBy}
	if mayAlias(Type(u.name)) {
		lists["Alias"] = &u.aliases
	}
	if list := lists[s.Key]; list != nil {
		names, _ := words(s.Value)
		*list = append(*list, names...)
		if s.Value == "" {
			*list = nil
		}
		return nil
	}
	switch s.Key {
	case "Also":
		return in.setAlso(u, s.Value)
	case "DefaultInstance":
		return in.setDefault(u, s.Value)
	}
	return nil
}

// setDefault takes the instance that a template is enabled as. To anything else it says nothing.
func (in *install) setDefault(u *unit, value string) error {
	if !IsTemplate(u.name) {
		return nil
	}
	name, err := in.expand(u, value)
	if err != nil {
		return err
	}
	if name != "" && !validInstance(name) {
		return faultf(bad, "DefaultInstance=%s is not the name of an instance", value)
	}
	u.defaultInstance = name
	return nil
}

// setAlso takes the units that are enabled and disabled along. There is no way to take one back.
func (in *install) setAlso(u *unit, value string) error {
	names, ok := bareWords(value)
	for _, name := range names {
		name, err := in.expand(u, name)
		if err != nil {
			return err
		}
		if _, err := in.add(name, true); err != nil {
			return err
		}
		if !slices.Contains(u.also, name) {
			u.also = append(u.also, name)
		}
	}
	if !ok {
		return faultf(bad, "Also=%s ends with a backslash", value)
	}
	return nil
}
