package unitfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Link is one symbolic link of enablement: Target is its text as it is written.
type Link struct{ Path, Target string }

// StaticError is a unit that cannot be enabled, as nothing in it says what that would be.
type StaticError struct{ Unit string }

func (e *StaticError) Error() string {
	return e.Unit + " has no [Install] section that says what it is to be started by (WantedBy=, RequiredBy=, UpheldBy=, Alias=, Also=): there is nothing to enable"
}

// Enable returns all the links that a unit has once "systemctl enable" has been run on it: those
// that are to be made, and those that are there already, as they are. In the place of some of
// them stands a link to something else, which systemctl replaces: those are in remove as well.
//
// A link that is there counts as the right one if it leads to the same file, or to a unit of the
// same name in another of the unit directories. Those of .upholds directories are made by
// systemd 254 and later only. What cannot be enabled is an error, a *StaticError where the unit
// has no [Install] section.
func Enable(t host.Tree, name string) (links []Link, remove []string, err error) {
	in := newInstall(t)
	u, err := in.discover(name)
	if err == nil {
		err = in.refuse(u)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot enable %s: %w", name, err)
	}
	e := &enabling{install: in, links: map[string]string{}}
	if err := e.all(); err != nil {
		return nil, nil, fmt.Errorf("cannot enable %s: %w", name, err)
	}
	if e.rules == 0 {
		return nil, nil, &StaticError{name}
	}
	slices.Sort(e.remove)
	return sorted(e.links), e.remove, nil
}

func sorted(links map[string]string) []Link {
	out := []Link{}
	for p, target := range links {
		out = append(out, Link{p, target})
	}
	slices.SortFunc(out, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// refuse says why a unit that was found is not to be enabled.
func (in *install) refuse(u *unit) error {
	dir := path.Dir(u.path)
	switch {
	case u.mode == masked:
		return faultf(bad, "%s is masked: unmask it first", u.path)
	case isGenerator(dir), isTransient(dir):
		return faultf(bad, "%s is made anew at every boot: it is enabled by what makes it", u.path)
	}
	return nil
}

// enabling collects the links of all units of an install.
type enabling struct {
	*install
	links  map[string]string
	remove []string
	// rules counts what the units say about enablement, whether or not it needed a new link.
	rules int
}

// all enables what is queued, and what that brings along. A unit of Also= that cannot be found
// is passed over, and so is one that is masked.
func (e *enabling) all() error {
	for u := e.next(); u != nil; u = e.next() {
		_, err := e.traverse(u, false)
		switch {
		case err != nil && kindOf(err) != 0 && u.auxiliary:
			continue
		case err != nil:
			return err
		case u.mode == masked:
			e.rules++
			continue
		case u.mode != regular:
			continue // an alias: what it stands for is queued
		}
		if err := e.one(u); err != nil {
			return err
		}
	}
	return nil
}

func (e *enabling) one(u *unit) error {
	if !slices.Contains(e.dirs, path.Dir(u.path)) {
		if err := e.link(path.Join(configDir, u.name), u.path, false); err != nil {
			return err
		}
	}
	for _, word := range u.aliases {
		if err := e.alias(u, word); err != nil {
			return err
		}
	}
	lists := []struct {
		suffix string
		words  []string
	}{{".wants", u.wantedBy}, {".requires", u.requiredBy}, {".upholds", u.upheldBy}}
	for _, l := range lists {
		if err := e.dependants(u, l.suffix, l.words); err != nil {
			return err
		}
	}
	return nil
}

func (e *enabling) alias(u *unit, word string) error {
	name, err := e.expand(u, word)
	if err != nil {
		return err
	}
	if dir, base := path.Split(name); dir != "" {
		err = checkOldAlias(strings.TrimSuffix(dir, "/"), base, u.name)
	} else {
		if _, instance, _, _ := parts(u.name); IsTemplate(name) && instance != "" {
			name, _ = instantiate(name, instance)
		}
		err = checkAlias(name, u.name)
	}
	if kindOf(err) == self {
		return nil
	}
	if err != nil {
		return err
	}
	e.rules++
	return e.link(path.Join(configDir, name), u.path, false)
}

// checkOldAlias checks an Alias= that names a link in a .wants or .requires directory, as unit
// files did before there was WantedBy=.
func checkOldAlias(dir, name, unit string) error {
	of, ok := strings.CutSuffix(dir, ".wants")
	if !ok {
		of, ok = strings.CutSuffix(dir, ".requires")
	}
	switch {
	case !ok || !valid(of) || !valid(name):
		return faultf(bad, "Alias=%s/%s is not the name of a unit", dir, name)
	case name == unit && !IsTemplate(name),
		IsInstance(name) && Template(name) == unit,
		IsTemplate(of) && IsTemplate(name) && name == unit:
		return nil
	}
	return faultf(bad, "Alias=%s/%s cannot be a name of %s", dir, name, unit)
}

// dependants makes the links in the directories of the units that want u.
func (e *enabling) dependants(u *unit, suffix string, words []string) error {
	if len(words) == 0 {
		return nil
	}
	name, anyUnit, err := e.instance(u)
	if err != nil {
		return err
	}
	for _, word := range words {
		by, err := e.expand(u, word)
		switch {
		case err != nil:
			return err
		case !valid(by):
			return faultf(bad, "%s is not the name of a unit", by)
		case !anyUnit && !IsTemplate(by) && !IsInstance(by):
			return faultf(bad, "%s is a template and %s is not: name an instance, such as %s", name, by, strings.Replace(name, "@", "@NAME", 1))
		}
		e.rules++
		if err := e.link(path.Join(configDir, by+suffix, name), u.path, true); err != nil {
			return err
		}
	}
	return nil
}

// instance is the name that a unit is wanted by: of a template its default instance. A template
// that has none can be wanted by other templates only.
func (e *enabling) instance(u *unit) (name string, anyUnit bool, err error) {
	switch {
	case !IsTemplate(u.name):
		return u.name, true, nil
	case u.defaultInstance == "":
		return u.name, false, nil
	}
	name, ok := instantiate(u.name, u.defaultInstance)
	if !ok {
		return "", false, faultf(bad, "DefaultInstance=%s makes no unit name of %s", u.defaultInstance, u.name)
	}
	probe := &install{disk: e.disk, units: map[string]*unit{}}
	found := &unit{name: name}
	if err := probe.search(found); err != nil {
		return "", false, err
	}
	if found.mode == masked {
		return "", false, faultf(bad, "%s is masked: unmask it first", found.path)
	}
	return name, true, nil
}

// link makes one link unless an equal one is there. A link that leads elsewhere is replaced where
// that is harmless: in a directory of wants.
func (e *enabling) link(p, target string, replace bool) error {
	if had, ok := e.links[p]; ok {
		if same, err := e.equal(p, had, target); err != nil || same {
			return err
		}
		if !replace {
			return faultf(bad, "%s is to lead to %s and to %s", p, had, target)
		}
		e.links[p] = target
		return nil
	}
	is, ok, err := e.at(p)
	switch {
	case err != nil:
		return err
	case !ok:
		e.links[p] = target
		return nil
	case is.Kind != host.Symlink:
		return faultf(bad, "%s is in the way: it is a %s", p, is.Kind)
	}
	had := is.Target
	same, err := e.equal(p, had, target)
	switch {
	case err != nil:
		return err
	case same:
		target = had
	case !replace:
		return faultf(bad, "%s is in the way: it is a symbolic link to %s", p, had)
	default:
		e.remove = append(e.remove, p)
	}
	e.links[p] = target
	return nil
}

// equal reports whether two targets of a link come to the same: one file, or units of one name in
// the unit directories.
func (d *disk) equal(link, a, b string) (bool, error) {
	if a == b {
		return true, nil
	}
	a, err := d.absolute(link, a)
	if err != nil {
		return false, err
	}
	if b, err = d.absolute(link, b); err != nil || a == b {
		return err == nil, err
	}
	one, errOne := d.Stat(a)
	two, errTwo := d.Stat(b)
	if errOne == nil && errTwo == nil && one.Dev == two.Dev && one.Ino == two.Ino {
		return true, nil
	}
	return path.Base(a) == path.Base(b) && d.inSearchPath(a) && d.inSearchPath(b), nil
}
