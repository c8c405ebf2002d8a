package unit

import (
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// header begins what is written here. By it a drop-in is known that the plan no longer has.
const header = "# Written by agent0-converge: the plan decides what is here.\n"

// section is one section as a plan says it.
type section struct {
	name string // as in the file
	attr string // as in the plan
	said map[string]engine.List
}

// sections lists the sections in the order in which they are written.
func (s *Spec) sections() []section {
	return []section{
		{"Unit", "unit", s.Unit}, {"Service", "service", s.Service}, {"Socket", "socket", s.Socket},
		{"Timer", "timer", s.Timer}, {"Path", "path", s.Path}, {"Mount", "mount", s.Mount},
		{"Automount", "automount", s.Automount}, {"Swap", "swap", s.Swap}, {"Slice", "slice", s.Slice},
		{"Install", "install", s.Install},
	}
}

func (d *Dropin) sections() []section {
	s := Spec{Unit: d.Unit, Service: d.Service, Socket: d.Socket, Timer: d.Timer, Path: d.Path, Mount: d.Mount,
		Automount: d.Automount, Swap: d.Swap, Slice: d.Slice, Install: d.Install}
	return s.sections()
}

// sectionOf is the section that is a type's own.
func sectionOf(kind string) string {
	if kind == "" {
		return ""
	}
	return strings.ToUpper(kind[:1]) + kind[1:]
}

// format writes sections: directives by name, the values of one in their order.
func format(sections []section) string {
	var f unitfile.File
	for _, x := range sections {
		out := unitfile.Section{Name: x.name}
		for _, key := range slices.Sorted(maps.Keys(x.said)) {
			for _, value := range x.said[key] {
				out.Settings = append(out.Settings, unitfile.Setting{Key: key, Value: value})
			}
		}
		if len(out.Settings) > 0 {
			f.Sections = append(f.Sections, out)
		}
	}
	return header + string(unitfile.Format(&f))
}

// text is the unit's file as the plan says it.
func (s *Spec) text() string {
	if s.Content != nil {
		return s.Content.Reveal()
	}
	return format(s.sections())
}

func (d *Dropin) text() string {
	if d.Content != nil {
		return header + d.Content.Reveal()
	}
	return format(d.sections())
}

// settings are what a file assigns: by section and directive, in the order of the values. Where
// the directives stand makes no difference to systemd.
type settings map[string]map[string][]string

// parse reads a unit file; nil is one that systemd would refuse.
func parse(text string) settings {
	f, err := unitfile.Parse([]byte(text))
	if err != nil {
		return nil
	}
	out := settings{}
	for _, x := range f.Sections {
		if out[x.Name] == nil {
			out[x.Name] = map[string][]string{}
		}
		for _, set := range x.Settings {
			out[x.Name][set.Key] = append(out[x.Name][set.Key], set.Value)
		}
	}
	return out
}

// lists are the directives of one section as a plan would say them, nil for none.
func (x settings) lists(section string) map[string]engine.List {
	if len(x[section]) == 0 {
		return nil
	}
	out := make(map[string]engine.List, len(x[section]))
	for key, values := range x[section] {
		out[key] = values
	}
	return out
}

// take fills in the sections of a file as it was found.
func (s *Spec) take(x settings) {
	s.Unit, s.Service, s.Socket, s.Timer, s.Path = x.lists("Unit"), x.lists("Service"), x.lists("Socket"), x.lists("Timer"), x.lists("Path")
	s.Mount, s.Automount, s.Swap, s.Slice, s.Install = x.lists("Mount"), x.lists("Automount"), x.lists("Swap"), x.lists("Slice"), x.lists("Install")
}

// values are what the unit's own file assigns to a directive.
func (s *Spec) values(section, key string) []string {
	return unreset(parse(s.text())[section][key])
}

// added are what the drop-ins of the plan assign to a directive.
func (s *Spec) added(section, key string) []string {
	var out []string
	for _, d := range s.Dropins {
		out = append(out, parse(d.text())[section][key]...)
	}
	return out
}

// all is what file and drop-ins of the plan make of a directive together.
func (s *Spec) all(section, key string) []string {
	var own []string
	if s.ownFile() {
		own = parse(s.text())[section][key]
	}
	return unreset(append(slices.Clone(own), s.added(section, key)...))
}

// last is the value of a directive that has one.
func (s *Spec) last(section, key string) string { return lastOf(s.all(section, key)) }

func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// unreset leaves out what an empty assignment takes back.
func unreset(values []string) []string {
	var out []string
	for _, v := range values {
		if v == "" {
			out = nil
		} else {
			out = append(out, v)
		}
	}
	return out
}

// words are the names in directives that take lists of them.
func words(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Fields(v)...)
	}
	return out
}

// yes reads a boolean as systemd does (parse_boolean).
func yes(s string) bool {
	return slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(s))
}
