package unitfile

import (
	"errors"
	"io/fs"
	"path"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// mode is what was found under a unit's name.
type mode uint8

const (
	unseen mode = iota
	regular
	linked // a link to a file outside of the unit directories
	alias  // a link to another unit
	masked
)

// unit is a unit as its [Install] section counts.
type unit struct {
	name string
	path string // of what was found: the file, or the link
	mode mode
	// target is where the link leads, if it is one.
	target string
	// auxiliary is what only an Also= of another unit names: it may be missing.
	auxiliary bool

	aliases, wantedBy, requiredBy, upheldBy, also []string
	defaultInstance                               string
}

func (u *unit) hasRules() bool {
	return len(u.aliases)+len(u.wantedBy)+len(u.requiredBy)+len(u.upheldBy) > 0
}

// install works on the units that one request is about: that which is named, those that its
// Also= names, and what aliases stand for.
type install struct {
	*disk
	units map[string]*unit
	// queue are those that were not yet processed, in the order in which they were found.
	queue []*unit
}

func newInstall(t host.Tree) *install {
	return &install{disk: newDisk(t), units: map[string]*unit{}}
}

// add returns the unit of that name, which is queued when it is new.
func (in *install) add(name string, auxiliary bool) (*unit, error) {
	if err := ValidName(name); err != nil {
		return nil, faultf(bad, "%v", err)
	}
	if u := in.units[name]; u != nil {
		u.auxiliary = u.auxiliary && auxiliary
		return u, nil
	}
	u := &unit{name: name, auxiliary: auxiliary}
	in.units[name] = u
	in.queue = append(in.queue, u)
	return u, nil
}

// next takes the first unit off the queue, nil at its end.
func (in *install) next() *unit {
	if len(in.queue) == 0 {
		return nil
	}
	u := in.queue[0]
	in.queue = in.queue[1:]
	return u
}

// discover adds a unit and follows it to the file that has its content.
func (in *install) discover(name string) (*unit, error) {
	u, err := in.add(name, false)
	if err != nil {
		return nil, err
	}
	return in.traverse(u, true)
}

// traverse finds a unit and follows its links, to another unit if it is an alias. Where links
// that an administrator made are not to be followed, one is a fault.
func (in *install) traverse(u *unit, followConfig bool) (*unit, error) {
	if err := in.search(u); err != nil {
		return nil, err
	}
	for range 2 * maxLinks {
		switch {
		case u.mode != alias && u.mode != linked:
			return u, nil
		case !followConfig && isConfig(path.Dir(u.path)):
			return nil, faultf(circle, "%s is a symbolic link to a unit, name the unit itself", u.path)
		}
		var err error
		if u, err = in.step(u); err != nil {
			return nil, err
		}
	}
	return nil, faultf(circle, "%s goes round in a circle of symbolic links", u.name)
}

// step goes one link on: to the file for the same unit, or to the unit that it is an alias of.
func (in *install) step(u *unit) (*unit, error) {
	name := path.Base(u.target)
	if IsInstance(u.name) && IsTemplate(name) && u.mode == alias {
		_, instance, _, _ := parts(u.name)
		name, _ = instantiate(name, instance)
	}
	if u.mode == linked || name == u.name {
		u.path, u.mode = u.target, unseen
		return u, in.load(u, u.path)
	}
	of, err := in.add(name, false)
	if err != nil {
		return nil, err
	}
	if err = in.search(of); kindOf(err) == missing {
		err = faultf(dangling, "%s is another name of %s, which is not there", u.name, name)
	}
	return of, err
}

// search finds a unit in the directories, an instance's template if it has no file of its own,
// and reads it with its drop-ins.
func (in *install) search(u *unit) error {
	if u.mode != unseen {
		return nil
	}
	names := []string{u.name}
	if IsInstance(u.name) {
		names = append(names, Template(u.name))
	}
	if err := in.find(u, names); err != nil || u.mode == masked {
		return err
	}
	var dirs []string
	for _, name := range names {
		for _, dir := range in.dirs {
			dirs = append(dirs, path.Join(dir, name+".d"))
		}
	}
	files, err := in.confFiles(dirs, ".conf")
	if err != nil {
		return err
	}
	for _, p := range files {
		if err := in.loadDropIn(u, p); err != nil {
			return err
		}
	}
	return nil
}

func (in *install) find(u *unit, names []string) error {
	for _, name := range names {
		for _, dir := range in.dirs {
			p := path.Join(dir, name)
			err := in.load(u, p)
			if err == nil {
				u.path = p
				return nil
			}
			if kindOf(err) != missing {
				return err
			}
		}
	}
	return faultf(missing, "there is no unit file %s", u.name)
}

// load reads the unit file at p into u, or says which kind of link it is.
func (in *install) load(u *unit, p string) error {
	if _, _, _, at := parts(u.name); at && !mayTemplate(Type(u.name)) {
		return faultf(bad, "%s: there are no templates of %s units", p, Type(u.name))
	}
	e, ok, err := in.at(p)
	switch {
	case err != nil:
		return err
	case !ok:
		return faultf(missing, "there is no %s", p)
	case e.Kind == host.Symlink:
		return in.loadLink(u, p)
	case e.Kind != host.File:
		return faultf(bad, "%s is a %s, not a unit file", p, e.Kind)
	}
	f := in.file(p)
	switch {
	case errors.Is(f.err, fs.ErrNotExist): // gone meanwhile
		return faultf(missing, "there is no %s", p)
	case f.err != nil:
		return f.err
	case f.empty:
		u.mode = masked
		return nil
	}
	if err := in.take(u, p, f); err != nil {
		return err
	}
	u.mode = regular
	return nil
}

func (in *install) loadLink(u *unit, p string) error {
	target, isAlias, err := in.follow(p)
	if err != nil {
		return err
	}
	mask, err := in.isMask(target)
	if err != nil {
		return err
	}
	u.target = target
	switch {
	case mask:
		u.mode = masked
	case isAlias:
		u.mode = alias
	default:
		u.mode = linked
	}
	return nil
}
