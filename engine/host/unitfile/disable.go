package unitfile

import (
	"fmt"
	"path"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Disable returns the links that "systemctl disable" removes: all in /etc that enable the unit,
// link it in from elsewhere or give it another name, and those of what its Also= names. There
// need be no such unit any more. A unit that is masked keeps its links.
func Disable(t host.Tree, name string) (remove []string, err error) {
	links, err := linksIn(t, name, configDir, false)
	if err != nil {
		return nil, fmt.Errorf("cannot disable %s: %w", name, err)
	}
	for _, l := range links {
		remove = append(remove, l.Path)
	}
	return remove, nil
}

// Links returns the links that enable a unit now, in /etc and in /run: those that Disable would
// remove, the same in /run, and those that Enable makes and Disable does not find, as the alias
// of an instance. A mask is none of them, but a unit that is masked has its links still.
func Links(t host.Tree, name string) ([]Link, error) {
	t = t.Pass()
	d, found := newDisk(t), map[string]string{}
	for _, dir := range []string{configDir, runtimeDir} {
		links, err := linksIn(t, name, dir, true)
		if err != nil {
			return nil, fmt.Errorf("cannot list the links of %s: %w", name, err)
		}
		for _, l := range links {
			mask, err := d.isMask(l.Path)
			if path.Dir(l.Path) != dir || kindOf(err) != 0 || err == nil && !mask {
				found[l.Path] = l.Target
			} else if err != nil {
				return nil, fmt.Errorf("cannot list the links of %s: %w", name, err)
			}
		}
	}
	wanted, _, err := Enable(t, name)
	if err != nil {
		wanted = nil // what cannot be enabled has no more than what is left over
	}
	for _, l := range wanted {
		if target, ok := d.link(l.Path); ok && target == l.Target {
			found[l.Path] = target
		}
	}
	return sorted(found), nil
}

func linksIn(t host.Tree, name, dir string, evenMasked bool) ([]Link, error) {
	if err := ValidName(name); err != nil {
		return nil, err
	}
	in := newInstall(t)
	if _, err := in.add(name, false); err != nil {
		return nil, err
	}
	marked, err := in.marked(evenMasked)
	if err != nil {
		return nil, err
	}
	below, err := in.linksBelow(dir)
	if err != nil {
		return nil, err
	}
	return sorted(below.of(marked)), nil
}

// marked are the names of the units whose links are meant, as systemctl disable finds them: it
// leaves out those that are masked.
func (in *install) marked(evenMasked bool) (map[string]bool, error) {
	marked := map[string]bool{}
	for u := in.next(); u != nil; u = in.next() {
		_, err := in.traverse(u, true)
		switch {
		case err != nil && kindOf(err) == 0:
			return nil, err
		case err == nil && u.mode != regular && !(evenMasked && u.mode == masked):
			continue // masked, or an alias of what is queued
		}
		marked[u.name] = true // what cannot be found may have left links behind
	}
	return marked, nil
}

// Mask returns the link that "systemctl mask" makes, nil if it is there. A unit file in /etc is
// in the way.
func Mask(t host.Tree, name string) (*Link, error) {
	if err := ValidName(name); err != nil {
		return nil, fmt.Errorf("cannot mask: %w", err)
	}
	p := path.Join(configDir, name)
	info, err := t.Lstat(p)
	switch {
	case absent(err):
		return &Link{p, devNull}, nil
	case err != nil:
		return nil, fmt.Errorf("cannot mask %s: %w", name, err)
	case info.Kind != host.Symlink:
		return nil, fmt.Errorf("cannot mask %s: %s is in the way: it is a %s", name, p, info.Kind)
	}
	target, err := t.Readlink(p)
	if err != nil {
		return nil, fmt.Errorf("cannot mask %s: %w", name, err)
	}
	if target != devNull {
		return nil, fmt.Errorf("cannot mask %s: %s is in the way: it is a symbolic link to %s", name, p, target)
	}
	return nil, nil
}

// Unmask returns what "systemctl unmask" removes: the mask in /etc, be it a link or an empty file.
func Unmask(t host.Tree, name string) (remove []string, err error) {
	if err := ValidName(name); err != nil {
		return nil, fmt.Errorf("cannot unmask: %w", err)
	}
	p := path.Join(configDir, name)
	mask, err := newDisk(t).isMask(p)
	if err != nil {
		return nil, fmt.Errorf("cannot unmask %s: %w", name, err)
	}
	if mask {
		remove = []string{p}
	}
	return remove, nil
}
