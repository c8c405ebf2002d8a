// Package unit manages one unit of systemd: its file, its drop-ins, whether it starts at boot and
// whether it runs.
package unit

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a unit of systemd. Its file is said in systemd's own sections and directives, or brought
// along whole as content or source; without either, the unit is one that the host has already, and
// no more than drop-ins, enablement and state are managed. A unit that runs is restarted when its
// own settings change, or what the block refers to. The unit that the agent itself runs in is
// never stopped or restarted: it takes its new settings up when it next starts. Specifiers such as
// %i are systemd's to fill in; %% is a percent sign.
type Spec struct {
	// Label is the block's label.
	Label string `hcl:"label,label"`
	// Name is the unit's whole name, such as "cooler.service". Left out, it is the label with
	// ".service".
	Name string `hcl:"name,optional"`
	// Unit is the section [Unit]. A directive with many values is a list, which becomes as many
	// lines; an empty string among them takes back what stands before it.
	Unit map[string]engine.List `hcl:"unit,optional"`
	// Service is the section [Service] of a .service unit.
	Service map[string]engine.List `hcl:"service,optional"`
	// Socket is the section [Socket] of a .socket unit.
	Socket map[string]engine.List `hcl:"socket,optional"`
	// Timer is the section [Timer] of a .timer unit.
	Timer map[string]engine.List `hcl:"timer,optional"`
	// Path is the section [Path] of a .path unit.
	Path map[string]engine.List `hcl:"path,optional"`
	// Mount is the section [Mount] of a .mount unit.
	Mount map[string]engine.List `hcl:"mount,optional"`
	// Automount is the section [Automount] of an .automount unit.
	Automount map[string]engine.List `hcl:"automount,optional"`
	// Swap is the section [Swap] of a .swap unit.
	Swap map[string]engine.List `hcl:"swap,optional"`
	// Slice is the section [Slice] of a .slice unit.
	Slice map[string]engine.List `hcl:"slice,optional"`
	// Install is the section [Install]: what enabling the unit means.
	Install map[string]engine.List `hcl:"install,optional"`
	// Content is the whole unit file, in place of sections.
	Content *engine.Text `hcl:"content,optional" diff:"-"`
	// Source is a file beside the plan that is the whole unit file.
	Source string `hcl:"source,optional" diff:"-"`
	// Enabled says whether the unit starts at boot, as its [Install] says. Left out, that is left as
	// it is.
	Enabled *bool `hcl:"enabled,optional"`
	// Masked keeps everything from starting the unit. It is for units that others bring.
	Masked *bool `hcl:"masked,optional"`
	// State is "running" or "stopped". Left out, the unit is neither started nor stopped, though
	// restarted where it runs. Where no systemd runs, as in an image, it counts for nothing.
	State string `hcl:"state,optional" stale:"-"`
	// RestartOn are resources whose change restarts the unit, besides those that the block refers to.
	RestartOn []engine.Addr `hcl:"restart_on,optional" diff:"-"`
	// ReloadOn are resources whose change reloads the unit; one that cannot reload is restarted.
	ReloadOn []engine.Addr `hcl:"reload_on,optional" diff:"-"`
	// Dropins extend the unit, whoever brings its file: NAME.d/LABEL.conf in /etc/systemd/system.
	Dropins []Dropin `hcl:"dropin,block"`
	// Exact removes drop-ins in /etc/systemd/system that the plan does not have. Left out, they stay
	// and are warned of.
	Exact bool `hcl:"exact,optional" diff:"-"`

	// Found says that this is a unit as it was found, and not as a plan says it.
	Found bool `record:"found"`
	// Files are what is at the paths that are managed, which undo brings back.
	Files []File `record:"files"`
	// Links are the symbolic links that enable the unit, by path.
	Links map[string]string `record:"links"`
	// Empty are those of the folders for such links that are there and hold nothing; links of others
	// come and go there.
	Empty []string `record:"empty" stale:"-"`

	absent          bool
	loaded          bool // the content came from the source
	restart, reload engine.Inputs
	seen
}

// Dropin is a file that extends a unit.
type Dropin struct {
	// Name of the file, without ".conf". Files are read in the order of their names.
	Name string `hcl:"name,label"`
	// Unit is the section [Unit]. An empty string in a list takes back what the unit's file says.
	Unit map[string]engine.List `hcl:"unit,optional"`
	// Service is the section [Service].
	Service map[string]engine.List `hcl:"service,optional"`
	// Socket is the section [Socket].
	Socket map[string]engine.List `hcl:"socket,optional"`
	// Timer is the section [Timer].
	Timer map[string]engine.List `hcl:"timer,optional"`
	// Path is the section [Path].
	Path map[string]engine.List `hcl:"path,optional"`
	// Mount is the section [Mount].
	Mount map[string]engine.List `hcl:"mount,optional"`
	// Automount is the section [Automount].
	Automount map[string]engine.List `hcl:"automount,optional"`
	// Swap is the section [Swap].
	Swap map[string]engine.List `hcl:"swap,optional"`
	// Slice is the section [Slice].
	Slice map[string]engine.List `hcl:"slice,optional"`
	// Install is the section [Install].
	Install map[string]engine.List `hcl:"install,optional"`
	// Content is the drop-in as text, in place of sections. A line that says who writes it comes first.
	Content *engine.Text `hcl:"content,optional"`
}

// Where units are written (systemd.unit(5)).
const (
	configDir  = "/etc/systemd/system"
	runtimeDir = "/run/systemd/system"
	presetDir  = "/etc/systemd/system-preset"
)

// What State may say.
const (
	running = "running"
	stopped = "stopped"
)

// Absent tells that the unit is to go: all of it must be read, so that undo can bring it back.
func (s *Spec) Absent() { s.absent = true }

// Reloads are the resources whose change asks for no restart.
func (s *Spec) Reloads() []engine.Addr { return s.ReloadOn }

// Follow tells what the unit refers to.
func (s *Spec) Follow(restart, reload engine.Inputs) { s.restart, s.reload = restart, reload }

// Load reads the file beside the plan.
func (s *Spec) Load(from engine.Sources) error {
	if s.Source == "" || s.Content != nil {
		return nil // which is too much, as Validate says, or all there is
	}
	b, err := from.ReadFile(s.Source)
	if err != nil {
		return &engine.AttributeError{Name: "source", Err: err}
	}
	s.Content, s.loaded = engine.NewText(string(b)), true
	return nil
}

// Default gives a unit without a name that of its label, and sorts the drop-ins.
func (s *Spec) Default() {
	if s.Name == "" && s.Label != "" {
		s.Name = s.Label + ".service"
	}
	s.Label = "" // so that another label is no change
	slices.SortStableFunc(s.Dropins, func(a, b Dropin) int { return strings.Compare(a.Name, b.Name) })
}

// Claims are the unit, and the files of it that are written.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{engine.UnitClaim(s.Name)}
	if s.ownFile() || s.Masked != nil && *s.Masked {
		out = append(out, place.Claim(s.fragment()))
	}
	for _, d := range s.Dropins {
		out = append(out, place.Claim(s.dropinPath(d.Name)))
	}
	return out
}

// Implies are the folders of the files and of the links that enable the unit.
func (s *Spec) Implies() []engine.Declared {
	var out []engine.Declared
	for _, dir := range s.folders() {
		out = append(out, directory.ImpliedBy(path.Join(dir, "x"))...)
	}
	return out
}

// Exports is the path of the unit's file.
func (s *Spec) Exports() map[string]string { return map[string]string{"file": s.fragment()} }

// folders lists where something of the unit is written.
func (s *Spec) folders() []string {
	var out []string
	if s.ownFile() || s.Enabled != nil || s.Masked != nil || len(s.Dropins) > 0 {
		out = append(out, configDir)
	}
	if len(s.Dropins) > 0 {
		out = append(out, s.dropinDir())
	}
	if s.Enabled == nil || !*s.Enabled {
		return out
	}
	for key, suffix := range map[string]string{"WantedBy": ".wants", "RequiredBy": ".requires", "UpheldBy": ".upholds"} {
		for _, by := range s.installs(key) {
			if unitfile.ValidName(by) == nil { // it may have specifiers: those folders are made on the way
				out = append(out, path.Join(configDir, by+suffix))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// installs are the units in a directive of [Install], wherever the plan has one.
func (s *Spec) installs(key string) []string {
	return append(s.values("Install", key), s.added("Install", key)...)
}

func (s *Spec) fragment() string   { return path.Join(configDir, s.Name) }
func (s *Spec) dropinDir() string  { return s.fragment() + ".d" }
func (s *Spec) presetPath() string { return fmt.Sprintf("%s/50-agent0-%s.preset", presetDir, s.Name) }
func (s *Spec) dropinPath(label string) string {
	return path.Join(s.dropinDir(), label+".conf")
}

// kind is the unit's type, such as "service".
func (s *Spec) kind() string { return strings.TrimPrefix(path.Ext(s.Name), ".") }

// ownFile reports whether the plan says the unit's file.
func (s *Spec) ownFile() bool {
	return s.Content != nil || slices.ContainsFunc(s.sections(), func(x section) bool { return len(x.said) > 0 })
}

// bare reports whether no more than a name is said.
func (s *Spec) bare() bool {
	return !s.Found && !s.ownFile() && len(s.Dropins) == 0 && s.Enabled == nil && s.Masked == nil && s.State == ""
}

// Needs are the folders, the unit's file where it is not said here, the accounts that it runs as, and
// units that it cannot be started without.
func (s *Spec) Needs() []engine.Claim {
	needs := map[engine.Claim]bool{}
	if !s.Found && !s.ownFile() && (s.Masked == nil || !*s.Masked) {
		needs[place.Claim(s.fragment())] = true
	}
	for _, dir := range s.folders() {
		needs[place.Claim(dir)] = true
	}
	for _, c := range s.accounts() {
		needs[c] = true
	}
	for _, name := range s.before() {
		if name != s.Name && unitfile.ValidName(name) == nil {
			needs[engine.UnitClaim(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(needs))
}

// accounts are the users and groups that the unit's processes are.
func (s *Spec) accounts() []engine.Claim {
	if yes(s.last("Service", "DynamicUser")) {
		return nil
	}
	var out []engine.Claim
	for _, a := range []struct {
		section, key string
		claim        func(string) engine.Claim
	}{
		{"Service", "User", engine.UserClaim}, {"Service", "Group", engine.GroupClaim},
		{"Service", "SupplementaryGroups", engine.GroupClaim},
		{"Socket", "SocketUser", engine.UserClaim}, {"Socket", "SocketGroup", engine.GroupClaim},
	} {
		for _, name := range words(s.all(a.section, a.key)) {
			if name != "root" && !strings.Contains(name, "%") && strings.Trim(name, "0123456789") != "" {
				out = append(out, a.claim(name))
			}
		}
	}
	return out
}

// before lists the units whose resources come first: those that a start of this one requires, and
// of a socket, timer or path that which it starts. What is to be stopped comes after what would
// start it again.
func (s *Spec) before() []string {
	base := strings.TrimSuffix(s.Name, path.Ext(s.Name))
	triggers := []string{base + ".socket", base + ".timer", base + ".path"}
	if s.State == stopped {
		if s.kind() == "service" {
			return triggers
		}
		return nil
	}
	if key := map[string]string{"socket": "Service", "timer": "Unit", "path": "Unit"}[s.kind()]; key != "" {
		names := s.all(sectionOf(s.kind()), key)
		if len(names) == 0 {
			names = []string{base + ".service"}
		}
		return names
	}
	if s.State != running {
		return nil
	}
	var out []string
	for _, key := range []string{"Requires", "BindsTo", "Requisite", "After"} {
		out = append(out, words(s.all("Unit", key))...)
	}
	return slices.DeleteFunc(out, func(name string) bool { return slices.Contains(triggers, name) })
}
