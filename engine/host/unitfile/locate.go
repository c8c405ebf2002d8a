package unitfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Unit is a unit as systemd would load it.
type Unit struct {
	// Name is the primary name: for an alias, that of the unit that it stands for.
	Name string
	// Path is the unit file: the link, for one that is linked from outside of the unit directories,
	// and the template's for an instance that has no file of its own.
	Path string
	// Masked says that the file is a link to /dev/null, or empty.
	Masked bool
	// Target is the text of the link at Path, "" if it is a file.
	Target string
	// Aliases are the other names that lead to this unit, sorted.
	Aliases []string
	// DropIns are what extends it, in the order in which it is read: by name, one of a name. Those
	// that are links to /dev/null are among them, and empty.
	DropIns []string
}

// Locate finds a unit, or returns nil if there is none. Links that systemd refuses are passed over,
// as it does.
func Locate(t host.Tree, name string) (*Unit, error) {
	if err := ValidName(name); err != nil {
		return nil, err
	}
	d := newDisk(t)
	u, err := d.locate(name)
	if err != nil {
		return nil, fmt.Errorf("cannot locate %s: %w", name, err)
	}
	return u, nil
}

// Places lists where the unit directories have a file, or anything else, of a name, the strongest first.
func Places(t host.Tree, name string) (out []string, err error) {
	d := newDisk(t)
	for _, dir := range d.dirs {
		p := path.Join(dir, name)
		_, ok, err := d.at(p)
		if err != nil {
			return out, fmt.Errorf("cannot look for %s: %w", name, err)
		}
		if ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func (d *disk) locate(name string) (*Unit, error) {
	p := d.fragment(name)
	if p == "" {
		return nil, nil
	}
	u := &Unit{Name: d.primary(name, p), Path: p}
	u.Target, _ = d.link(p)
	var err error
	if u.Masked, err = d.isMask(p); err != nil {
		return nil, err
	}
	if u.Aliases, err = d.aliases(u.Name, p); err != nil {
		return nil, err
	}
	u.DropIns, err = d.confFiles(d.dropInDirs(u.Name, u.Aliases), ".conf")
	return u, err
}

// fragment is the path of the file for a name, "" for none.
func (d *disk) fragment(name string) string {
	if p := d.resolveName(name); p != "" || !IsInstance(name) {
		return p
	}
	return d.resolveName(Template(name))
}

// resolveName follows aliases, as far as systemd does, to what is no alias. An alias of an
// instance that has no file leads to its template.
func (d *disk) resolveName(name string) string {
	const maxAliases = 8 // FOLLOW_MAX of systemd's unit-file.c
	for n := range maxAliases {
		to, p := d.entry(name)
		if p == "" && n > 0 && IsInstance(name) {
			to, p = d.entry(Template(name))
		}
		if p == "" || to == "" {
			return p
		}
		name = to
	}
	return ""
}

// entry finds a name in the first directory that has it: its path and, if it is an alias, of what.
func (d *disk) entry(name string) (aliasOf, p string) {
	for _, dir := range d.dirs {
		p := path.Join(dir, name)
		e, _, err := d.at(p)
		switch {
		case err != nil:
		case e.Kind == host.File:
			return "", p
		case e.Kind == host.Symlink:
			target, isAlias, err := d.follow(p)
			if err != nil {
				continue
			}
			if isAlias {
				return path.Base(target), p
			}
			return "", p
		}
	}
	return "", ""
}

// primary is the name of the unit in the file p, found by name.
func (d *disk) primary(name, p string) string {
	main := path.Base(p)
	if IsInstance(name) && IsTemplate(main) {
		_, instance, _, _ := parts(name)
		if made, ok := instantiate(main, instance); ok {
			return made
		}
	}
	return main
}

// aliases lists the other names of a unit: the links in the unit directories that lead to p.
func (d *disk) aliases(unit, p string) ([]string, error) {
	var out []string
	_, instance, suffix, _ := parts(unit)
	names, err := d.otherNames()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		if IsTemplate(name) && instance != "" {
			name, _ = instantiate(name, instance)
		}
		if name != unit && valid(name) && d.fragment(name) == p && d.primary(name, p) == unit {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// dropInDirs lists the directories of drop-ins of a unit, the strongest first: those of its names,
// and last those of all units of its type.
func (d *disk) dropInDirs(unit string, aliases []string) []string {
	var out []string
	for _, name := range append([]string{unit}, aliases...) {
		for _, dir := range d.dirs {
			for _, n := range dropInNames(name) {
				out = append(out, path.Join(dir, n+".d"))
			}
		}
	}
	for _, dir := range d.dirs {
		out = append(out, path.Join(dir, Type(unit)+".d"))
	}
	return out
}

// dropInNames are the names by which a unit is extended: its own, that of its template, and what
// is left when the name is cut after each dash: a-b-c.service, a-b-.service, a-.service.
func dropInNames(name string) []string {
	out := []string{name}
	prefix, instance, suffix, at := parts(name)
	if instance != "" {
		out = append(out, dropInNames(Template(name))...)
	}
	// A dash at the end is one of a name that was cut: the next one counts.
	cut := strings.LastIndexByte(strings.TrimSuffix(prefix, "-"), '-')
	if cut <= 0 {
		return out
	}
	short := prefix[:cut+1]
	if at && instance != "" {
		short += "@" + instance
	}
	return append(out, dropInNames(short+suffix)...)
}
