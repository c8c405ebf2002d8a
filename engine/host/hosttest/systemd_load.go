package hosttest

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// unit is a unit as the manager has it: what its files said when they were read, and its state.
type unit struct {
	name            string
	load, loadError string
	fragment        string
	dropIns         []string
	read            time.Time // when the files were read, by the newest of them
	file            unitfile.File
	wants, requires []string // by links in .wants and .requires
	booted          bool     // a target of the boot, which is there without a file

	active, sub, result string
	conditionFailed     bool
	invocation          string
	activeEnter         time.Duration
	exit, starts        int
	process             *Process
	job                 *job       // that does not end by itself, nil for none
	transient           *transient // nil for what has a file
}

func newUnit(name string) *unit {
	u := &unit{name: name, active: "inactive", sub: "dead"}
	if ext := path.Ext(name); ext != ".target" && ext != ".slice" {
		u.result = "success"
	}
	return u
}

// job is a job that others wait for.
type job struct {
	ended  chan struct{}
	result string // once ended is closed
}

// loaded returns a unit, and reads its files if it is not in memory.
func (s *Systemd) loaded(name string) (*unit, error) {
	if err := unitfile.ValidName(name); err != nil {
		return nil, err
	}
	s.collect()
	if u := s.units[s.primary(name)]; u != nil {
		return u, nil
	}
	u := newUnit(name)
	s.findDropInDirs()
	if err := s.readFiles(u); err != nil {
		return nil, err
	}
	if u.load != "not-found" {
		s.units[u.name] = u
	}
	return u, nil
}

// primary is the name that a unit in memory has, for one of its names.
func (s *Systemd) primary(name string) string {
	if s.units[name] != nil {
		return name
	}
	if found, err := unitfile.Locate(s.files, name); err == nil && found != nil {
		return found.Name
	}
	return name
}

// collect forgets the units that systemd does not keep: what is inactive, and nothing that it keeps
// refers to. Such a unit is read anew when it is next asked for.
func (s *Systemd) collect() {
	keep := map[string]bool{}
	var mark func(name string)
	mark = func(name string) {
		u := s.units[name]
		if u == nil || keep[name] {
			return
		}
		keep[name] = true
		for _, other := range u.refers() {
			mark(other)
		}
	}
	for name, u := range s.units {
		if u.active != "inactive" || u.booted {
			mark(name)
		}
	}
	maps.DeleteFunc(s.units, func(name string, _ *unit) bool { return !keep[name] })
}

// refers lists the units that are kept in memory for u.
func (u *unit) refers() []string {
	out := slices.Concat(u.requires, u.wants)
	for _, key := range []string{"Requires", "Requisite", "BindsTo", "PartOf", "Wants", "Conflicts", "After", "Before"} {
		out = append(out, u.names(key)...)
	}
	if t := u.triggers(); t != "" {
		out = append(out, t)
	}
	return out
}

// reread is daemon-reload: everything in memory is read again, and keeps its state.
func (s *Systemd) reread() {
	s.findDropInDirs()
	for _, u := range s.units {
		if u.transient != nil {
			continue
		}
		if err := s.readFiles(u); err != nil {
			u.load, u.loadError = "error", err.Error()
		}
	}
	for _, target := range bootTargets() { // what they want is in memory from here on
		for _, name := range slices.Concat(s.units[target].wants, s.units[target].requires) {
			if s.units[name] != nil {
				continue
			}
			u := newUnit(name)
			if err := s.readFiles(u); err == nil && u.load != "not-found" {
				s.units[u.name] = u
			}
		}
	}
}

// readFiles reads what defines a unit.
func (s *Systemd) readFiles(u *unit) error {
	u.wants, u.requires = s.linked(u.name, ".wants"), s.linked(u.name, ".requires")
	found, err := unitfile.Locate(s.files, u.name)
	if err != nil {
		return err
	}
	u.file, u.fragment, u.dropIns, u.read = unitfile.File{}, "", nil, time.Time{}
	switch {
	case found == nil && u.booted:
		return nil
	case found == nil:
		u.load, u.loadError = "not-found", "Unit "+u.name+" not found."
		return nil
	case found.Masked:
		u.name, u.fragment, u.read = found.Name, found.Path, s.newest(found.Path)
		u.load, u.loadError = "masked", "Unit "+u.name+" is masked."
		return nil
	}
	u.name, u.fragment, u.dropIns = found.Name, found.Path, found.DropIns
	u.read = s.newest(append([]string{found.Path}, found.DropIns...)...)
	u.load, u.loadError = "loaded", ""
	for _, name := range append([]string{found.Path}, found.DropIns...) {
		b, err := s.files.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := unitfile.Parse(b)
		if err != nil {
			u.load, u.loadError = "error", "Unit "+u.name+" failed to load properly, please adjust/correct and reload service manager: Bad message"
			return nil
		}
		u.file.Sections = append(u.file.Sections, f.Sections...)
	}
	if u.bad() {
		u.load, u.loadError = "bad-setting", "Unit "+u.name+" has a bad unit file setting."
	}
	return nil
}

// findDropInDirs remembers the directories of drop-ins that there are. Before version 257 systemd does not look
// into one that was made since it last looked for unit files, when it compares what is there with
// what it has read.
func (s *Systemd) findDropInDirs() {
	s.dropInDirs = map[string]bool{}
	for _, dir := range unitfile.LookupPath(s.files) {
		names, err := s.files.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Errorf("cannot look for drop-ins: %v", err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".d") {
				s.dropInDirs[path.Join(dir, name)] = true
			}
		}
	}
}

// linked lists the units that have a link in the directories of a unit.
func (s *Systemd) linked(name, suffix string) (out []string) {
	for _, dir := range unitfile.LookupPath(s.files) {
		names, err := s.files.ReadDir(path.Join(dir, name+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Errorf("cannot read what %s refers to: %v", name, err)
		}
		out = append(out, names...)
	}
	return out
}

// bad reports whether the settings are such that systemd refuses the unit as a whole.
func (u *unit) bad() bool {
	switch path.Ext(u.name) {
	case ".service":
		starts := len(u.values("Service", "ExecStart"))
		oneshot := u.value("Service", "Type") == "oneshot"
		return starts == 0 && !(oneshot && len(u.values("Service", "ExecStop")) > 0) || starts > 1 && !oneshot ||
			u.value("Service", "Type") == "dbus" && u.value("Service", "BusName") == "" ||
			oneshot && slices.Contains([]string{"always", "on-success"}, u.value("Service", "Restart"))
	case ".socket":
		return !u.any("Socket", "Listen")
	case ".timer":
		return !u.any("Timer", "On")
	case ".path":
		return !u.any("Path", "Path") && !u.any("Path", "DirectoryNotEmpty")
	case ".mount":
		return u.value("Mount", "What") == ""
	case ".swap":
		return u.value("Swap", "What") == ""
	}
	return false
}

// any reports whether a section has a setting whose name begins so.
func (u *unit) any(section, prefix string) bool {
	for _, s := range u.file.Sections {
		for _, set := range s.Settings {
			if s.Name == section && strings.HasPrefix(set.Key, prefix) && set.Value != "" {
				return true
			}
		}
	}
	return false
}
