package unitfile

import (
	"fmt"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// State is the unit file state that "systemctl is-enabled" prints and systemd calls UnitFileState:
// enabled, enabled-runtime, linked, linked-runtime, alias, masked, masked-runtime, static,
// indirect, disabled, generated or transient. It is bad for a unit file that systemd refuses, for
// which systemctl prints an error, and empty where there is none.
//
// UpheldBy= counts, as it does from systemd 254 on; older ones do not look at it.
func State(t host.Tree, name string) (string, error) {
	in := newInstall(t)
	u, err := in.discover(name)
	switch {
	case kindOf(err) == missing:
		return "", nil
	case kindOf(err) != 0:
		return "bad", nil
	case err != nil:
		return "", fmt.Errorf("cannot tell the state of %s: %w", name, err)
	}
	dir := path.Dir(u.path)
	switch {
	case u.mode == masked && isRuntime(dir):
		return "masked-runtime", nil
	case u.mode == masked:
		return "masked", nil
	case name != path.Base(u.path) && !IsInstance(u.name):
		return "alias", nil
	case isGenerator(dir):
		return "generated", nil
	case isTransient(dir):
		return "transient", nil
	}
	state, err := in.enablement(u)
	if err != nil {
		return "", fmt.Errorf("cannot tell the state of %s: %w", name, err)
	}
	return state, nil
}

// enablement looks at the links that there are. Those of the names that [Install] gives make a
// unit enabled; others of it make it indirect.
func (in *install) enablement(u *unit) (string, error) {
	seen, err := in.linksOf(u)
	if err != nil {
		return "", err
	}
	if state := seen.state(in.dirs, u, u.knows); state != "" {
		return state, nil
	}
	all := func(string) bool { return true }
	switch {
	case seen.state(in.dirs, u, all) != "":
		return "indirect", nil
	case u.hasRules():
		return "disabled", nil
	case len(u.also) > 0:
		return "indirect", nil
	}
	return "static", nil
}

// knows reports whether a link of that name is one that enabling u would make.
func (u *unit) knows(name string) bool {
	if name == u.name {
		return true
	}
	for _, alias := range u.aliases { // not expanded: systemd compares what is written
		if alias == name {
			return true
		}
	}
	instance, ok := instantiate(u.name, u.defaultInstance)
	return ok && IsTemplate(u.name) && name == instance
}

// sightings are the links of a unit by unit directory, and where the unit is linked in under its
// own name.
type sightings struct {
	names map[string][]string
	same  map[string]bool
}

// linksOf finds all links that lead to u or have its name. A link of its own name below the
// directory that the unit itself was found in has no effect.
func (in *install) linksOf(u *unit) (sightings, error) {
	s := sightings{map[string][]string{}, map[string]bool{}}
	below := false
	for _, dir := range in.dirs {
		links, err := in.unitLinks(dir)
		if err != nil {
			return s, err
		}
		for _, l := range links[u.name] {
			s.add(u, dir, l, below)
		}
		below = below || strings.HasPrefix(u.path, dir+"/")
	}
	return s, nil
}

func (s *sightings) add(u *unit, dir string, l unitLink, below bool) {
	leads, named := l.leadsTo == u.name, l.name == u.name && !below
	switch {
	case l.wanted:
		s.names[dir] = append(s.names[dir], l.name)
	case leads && named && dir == configDir, leads && named && isRuntime(dir):
		s.same[dir] = true
	case leads && named, !leads && !named:
	default:
		s.names[dir] = append(s.names[dir], l.name)
	}
}

// state is what the links make of the unit, "" for nothing.
func (s sightings) state(dirs []string, u *unit, counts func(string) bool) string {
	inRuntime, anywhere := false, false
	for _, dir := range dirs {
		for _, name := range s.names[dir] {
			switch {
			case !counts(name):
			case dir == configDir:
				return "enabled"
			case isRuntime(dir):
				inRuntime = true
			default:
				anywhere = true
			}
		}
	}
	sameRuntime := false
	for dir := range s.same {
		sameRuntime = sameRuntime || isRuntime(dir)
	}
	switch {
	case inRuntime:
		return "enabled-runtime"
	case anywhere && IsInstance(u.name):
		return "static" // a distribution's own instance
	case s.same[configDir]:
		return "linked"
	case sameRuntime:
		return "linked-runtime"
	}
	return ""
}
