package hosttest

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// needReload reports whether the files are newer than what is in memory, by the rules of systemd: it
// looks at the file that it read and at the list of drop-ins, but neither for a file that would take
// precedence nor into new directories.
func (s *Systemd) needReload(u *unit) bool {
	if u.fragment == "" {
		return false
	}
	if _, err := s.files.Lstat(u.fragment); err != nil {
		return true
	}
	found, err := unitfile.Locate(s.files, u.name)
	if err != nil || found == nil || u.load == "masked" {
		return u.load != "masked"
	}
	seen := slices.DeleteFunc(found.DropIns, func(name string) bool { return !s.dropInDirs[path.Dir(name)] })
	return found.Path == u.fragment && found.Masked || u.load == "loaded" && !slices.Equal(seen, u.dropIns) ||
		s.newest(append([]string{u.fragment}, u.dropIns...)...).After(u.read)
}

// stale reports whether a unit is in memory otherwise than its files would have it, also where systemd does not
// notice.
func (s *Systemd) stale(u *unit) bool {
	found, err := unitfile.Locate(s.files, u.name)
	if err != nil || found == nil {
		return u.fragment != ""
	}
	return found.Path != u.fragment || found.Masked != (u.load == "masked") || !found.Masked && !slices.Equal(found.DropIns, u.dropIns) ||
		s.newest(append([]string{u.fragment}, u.dropIns...)...).After(u.read)
}

// newest is when the newest of some files was changed.
func (s *Systemd) newest(names ...string) (at time.Time) {
	for _, name := range names {
		if info, err := s.files.Stat(name); err == nil && info.ModTime.After(at) {
			at = info.ModTime
		}
	}
	return at
}

// values are those of a setting, with the specifiers that name the unit filled in.
func (u *unit) values(section, key string) []string {
	prefix, instance, _ := strings.Cut(strings.TrimSuffix(u.name, path.Ext(u.name)), "@")
	fill := strings.NewReplacer("%%", "%", "%n", u.name, "%p", prefix, "%i", instance, "%N", strings.TrimSuffix(u.name, path.Ext(u.name)))
	var out []string
	for _, v := range u.file.Values(section, key) {
		out = append(out, fill.Replace(v))
	}
	return out
}

// value is a setting that has one value, the last.
func (u *unit) value(section, key string) string {
	all := u.values(section, key)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// names are the units that a setting of the section Unit lists.
func (u *unit) names(key string) []string {
	return strings.Fields(strings.Join(u.values("Unit", key), " "))
}

func yes(text string) bool {
	return slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(text))
}

// kind is a service's Type.
func (u *unit) kind() string {
	if path.Ext(u.name) != ".service" || u.load != "loaded" && u.load != "bad-setting" {
		return ""
	}
	if kind := u.value("Service", "Type"); kind != "" {
		return kind
	}
	return "simple"
}

// triggers is the unit that a socket, a timer or a path starts, "" for what starts none.
func (u *unit) triggers() string {
	section, key := "", "Unit"
	switch path.Ext(u.name) {
	case ".socket":
		section, key = "Socket", "Service"
	case ".timer":
		section = "Timer"
	case ".path":
		section = "Path"
	default:
		return ""
	}
	if name := u.value(section, key); name != "" {
		return name
	}
	return strings.TrimSuffix(u.name, path.Ext(u.name)) + ".service"
}

// state is what the manager tells of a unit.
func (s *Systemd) state(u *unit, name string) host.UnitState {
	if unitfile.IsTemplate(name) { // it cannot be loaded, only looked at
		return host.UnitState{Name: name, Load: u.load, LoadError: u.loadError, Active: "inactive", Sub: "dead"}
	}
	return host.UnitState{
		Name: u.name, Load: u.load, LoadError: u.loadError, Active: u.active, Sub: u.sub,
		Fragment: u.fragment, DropIns: u.dropIns, NeedReload: s.needReload(u),
		Invocation: u.invocation, ActiveEnter: u.activeEnter, ConditionFailed: u.conditionFailed, Job: u.job != nil,
		CanStart: u.load == "loaded" && !yes(u.value("Unit", "RefuseManualStart")),
		CanStop:  !yes(u.value("Unit", "RefuseManualStop")), CanReload: u.canReload(),
		TriggeredBy: s.triggeredBy(u), Result: u.result, Type: u.kind(), ExitStatus: u.exit,
		RemainAfterExit: yes(u.value("Service", "RemainAfterExit")),
	}
}

// Resting returns brief states of the units at rest.
func (s *Systemd) Resting(_ context.Context, names []string) (map[string]host.UnitState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collect()
	known := maps.Clone(s.units)
	found := map[string]host.UnitState{}
	for _, name := range names {
		if unitfile.IsTemplate(name) {
			continue
		}
		u, err := s.loaded(name)
		if err != nil {
			return nil, err
		}
		loads := u.load == "loaded" || u.load == "masked" || u.load == "not-found"
		if u.name == name && u.active == "inactive" && u.job == nil && loads {
			found[name] = host.UnitState{Name: name, Load: u.load, Active: u.active, Sub: u.sub, Brief: true, Fresh: known[name] == nil}
		}
	}
	return found, nil
}

// Defined adds what is known of the unit's files.
func (s *Systemd) Defined(_ context.Context, st host.UnitState) (host.UnitState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.loaded(st.Name)
	if err != nil {
		return st, err
	}
	st.Fragment, st.DropIns, st.NeedReload = u.fragment, u.dropIns, s.needReload(u)
	return st, nil
}

func (u *unit) canReload() bool {
	return u.load == "loaded" && (len(u.values("Service", "ExecReload")) > 0 || u.kind() == "notify-reload")
}

func (s *Systemd) triggeredBy(u *unit) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(s.units)) {
		if s.units[name].triggers() == u.name {
			out = append(out, name)
		}
	}
	return out
}
