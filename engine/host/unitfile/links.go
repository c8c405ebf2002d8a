package unitfile

import (
	"maps"
	"path"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// belowLinks are the symbolic links below a directory, by all that they are about: the unit that they are
// named after, the template of that, what they come along and where they end.
type belowLinks struct {
	links []Link
	about map[string][]int
	err   error
}

// linksBelow finds the links with the name of a unit below a directory.
func (d *disk) linksBelow(dir string) (*belowLinks, error) {
	b := host.Once(d.Tree, belowKey(dir), func() *belowLinks {
		b := &belowLinks{about: map[string][]int{}}
		b.err = d.collect(dir, b)
		return b
	})
	return b, b.err
}

func (d *disk) collect(dir string, to *belowLinks) error {
	entries, err := d.scan(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch p := path.Join(dir, e.Name); {
		case e.Kind == host.Dir:
			err = d.collect(p, to)
		case e.Kind == host.Symlink && valid(e.Name):
			err = d.note(Link{p, e.Target}, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// note adds a link. Most lead straight to a file, whose name then tells.
func (d *disk) note(l Link, to *belowLinks) error {
	name := path.Base(l.Path)
	about := []string{name}
	if IsInstance(name) {
		about = append(about, Template(name))
	}
	if path.IsAbs(l.Target) && path.Clean(l.Target) == l.Target && !d.isLink(l.Target) {
		about = append(about, path.Base(l.Target))
	} else if way, err := d.way(l.Path); err == nil {
		about = append(append(about, way...), path.Base(way[len(way)-1]))
	} else if kindOf(err) == 0 {
		return err
	} // else it leads nowhere, and enables nothing but by its name
	to.links = append(to.links, l)
	slices.Sort(about)
	for _, key := range slices.Compact(about) {
		to.about[key] = append(to.about[key], len(to.links)-1)
	}
	return nil
}

// isLink reports whether a symbolic link is at a path, as far as that can be told by its directory.
func (d *disk) isLink(p string) bool {
	e, _, err := d.at(p)
	return err != nil || e.Kind == host.Symlink
}

// of are the links that lead to units of these names or have their name, and those that lead over
// one of them.
func (b *belowLinks) of(units map[string]bool) map[string]string {
	found := map[string]string{}
	for next := slices.Collect(maps.Keys(units)); len(next) > 0; next = next[1:] {
		for _, i := range b.about[next[0]] {
			l := b.links[i]
			if _, had := found[l.Path]; !had {
				found[l.Path] = l.Target
				next = append(next, l.Path)
			}
		}
	}
	return found
}

// ForLinks reports whether a folder in a unit directory is one for links to units that another one wants,
// requires or upholds (systemd.unit(5)).
func ForLinks(name string) bool {
	return slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(name))
}

// unitLink is a link in a unit directory, or in the folder there of the units that another one wants.
type unitLink struct {
	name    string
	leadsTo string // the name at the end of its text
	wanted  bool
}

// dirLinks are the links of one unit directory, by the names of the units that they may be of.
type dirLinks struct {
	of  map[string][]unitLink
	err error
}

func (d *disk) unitLinks(dir string) (map[string][]unitLink, error) {
	found := host.Once(d.Tree, dirKey(dir), func() dirLinks {
		of := map[string][]unitLink{}
		return dirLinks{of, d.sort(dir, of)}
	})
	return found.of, found.err
}

// sort puts the links of a unit directory to the units that they may be of.
func (d *disk) sort(dir string, of map[string][]unitLink) error {
	entries, err := d.scan(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		wants := ForLinks(e.Name)
		switch {
		case wants && e.Kind == host.Dir:
			if err := d.sortWanted(path.Join(dir, e.Name), of); err != nil {
				return err
			}
		case !wants && e.Kind == host.Symlink:
			l := unitLink{name: e.Name, leadsTo: path.Base(e.Target)}
			of[l.name] = append(of[l.name], l)
			if l.leadsTo != l.name {
				of[l.leadsTo] = append(of[l.leadsTo], l)
			}
		}
	}
	return nil
}

func (d *disk) sortWanted(dir string, of map[string][]unitLink) error {
	entries, err := d.scan(dir)
	for _, e := range entries {
		if e.Kind != host.Symlink {
			continue
		}
		l := unitLink{name: e.Name, wanted: true}
		of[l.name] = append(of[l.name], l)
		if IsInstance(l.name) {
			of[Template(l.name)] = append(of[Template(l.name)], l)
		}
	}
	return err
}

// otherNames are the names of units that are symbolic links in the unit directories: aliases, and units
// that are linked in from elsewhere.
func (d *disk) otherNames() ([]string, error) {
	type names struct {
		list []string
		err  error
	}
	found := host.Once(d.Tree, namesKey{}, func() (out names) {
		for _, dir := range d.dirs {
			entries, err := d.scan(dir)
			if err != nil {
				return names{nil, err}
			}
			for _, e := range entries {
				if e.Kind == host.Symlink && valid(e.Name) {
					out.list = append(out.list, e.Name)
				}
			}
		}
		return out
	})
	return found.list, found.err
}
