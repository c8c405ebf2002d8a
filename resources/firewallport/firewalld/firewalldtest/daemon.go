// Package firewalldtest is a firewalld for tests: a message bus (host.BusFunc) on which one plays its zones, what runs
// and what persists, with its errors. A test in the lab holds it against a real one, call by call.
package firewalldtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// The names that callers use: firewalld.dbus(5).
const (
	busName   = "org.fedoraproject.FirewallD1"
	ownerName = ":1.7"
	mainPath  = "/org/fedoraproject/FirewallD1"
	zonePath  = mainPath + "/config/zone/"
)

// Daemon is a firewalld with its configuration. It may be used from several goroutines.
type Daemon struct {
	mu sync.Mutex
	// Down says that it does not run: its name has no owner. Panicked, Locked and Failed are its panic mode, its
	// lockdown, and that it could not load its configuration. Tests set them between calls.
	Down, Panicked, Locked, Failed bool
	// Fail, where not nil, is asked before each call that changes something, and its error is the answer.
	Fail func(host.BusCall) error

	fallback            string
	running, persistent map[string]*Zone
}

// Zone is what a zone has, and who is in it.
type Zone struct {
	Interfaces, Sources []string
	// Target is default, ACCEPT, DROP or %%REJECT%%; empty is default.
	Target string
	// Ports are spelled 8000/tcp or 8000-8010/udp.
	Ports []string
	// Rules are rich rules as firewalld spells them.
	Rules []string
}

func (z *Zone) clone() *Zone {
	c := *z
	c.Interfaces, c.Sources = slices.Clone(z.Interfaces), slices.Clone(z.Sources)
	c.Ports, c.Rules = slices.Clone(z.Ports), slices.Clone(z.Rules)
	return &c
}

// New is a daemon that runs what it has in its configuration: the zones given, and those of a fresh installation that
// are not among them. The default zone is public.
func New(zones map[string]*Zone) *Daemon {
	d := &Daemon{fallback: "public", persistent: map[string]*Zone{}}
	stock := map[string]string{
		"block": "%%REJECT%%", "dmz": "", "drop": "DROP", "external": "", "home": "", "internal": "", "public": "",
		"trusted": "ACCEPT", "work": "",
	}
	for name, target := range stock {
		d.persistent[name] = &Zone{Target: target}
	}
	for name, z := range zones {
		d.persistent[name] = z.clone()
	}
	d.Reload()
	return d
}

// Reload makes what persists what runs, as "firewall-cmd --reload" and a restart do.
func (d *Daemon) Reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = map[string]*Zone{}
	for name, z := range d.persistent {
		d.running[name] = z.clone()
	}
}

// Running is what a zone has now, Persistent what it has after a reload; nil if there is no such zone.
func (d *Daemon) Running(zone string) *Zone { return d.zone(false, zone) }

// Persistent is what a zone has after a reload; nil if there is no such zone.
func (d *Daemon) Persistent(zone string) *Zone { return d.zone(true, zone) }

func (d *Daemon) zone(persistent bool, name string) *Zone {
	d.mu.Lock()
	defer d.mu.Unlock()
	if z := d.state(persistent)[name]; z != nil {
		return z.clone()
	}
	return nil
}

// Change changes a zone as somebody else might, of what runs or of what persists. It makes the zone if there is none.
func (d *Daemon) Change(persistent bool, name string, f func(*Zone)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	state := d.state(persistent)
	if state[name] == nil {
		state[name] = &Zone{}
	}
	f(state[name])
}

func (d *Daemon) state(persistent bool) map[string]*Zone {
	if persistent {
		return d.persistent
	}
	return d.running
}

// Call answers as a bus does on which the daemon is. It is a host.BusFunc.
func (d *Daemon) Call(ctx context.Context, c host.BusCall) ([]any, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch c.Method {
	case "org.freedesktop.DBus.NameHasOwner":
		return []any{!d.Down && c.Args[0] == busName}, nil
	case "org.freedesktop.DBus.GetNameOwner":
		if d.Down || c.Args[0] != busName {
			return nil, busError("org.freedesktop.DBus.Error.NameHasNoOwner", fmt.Sprintf("Could not get owner of name '%v': no such name", c.Args[0]))
		}
		return []any{ownerName}, nil
	}
	if d.Down || c.Name != ownerName && c.Name != busName {
		return nil, busError("org.freedesktop.DBus.Error.ServiceUnknown", "The name "+c.Name+" was not provided by any .service files")
	}
	return d.answer(c)
}

func busError(name, text string) error { return dbus.Error{Name: name, Body: []any{text}} }

// refuse is an error of firewalld's own: firewall/errors.py.
func refuse(code, text string) error {
	if text != "" {
		code += ": " + text
	}
	return busError(busName+".Exception", code)
}

// answer is for calls of the daemon itself.
func (d *Daemon) answer(c host.BusCall) ([]any, error) {
	method, persistent := strings.CutPrefix(c.Method, busName+".config.")
	method = strings.TrimPrefix(strings.TrimPrefix(method, busName+"."), "zone.")
	names := slices.Sorted(maps.Keys(d.state(persistent)))
	switch method {
	case "org.freedesktop.DBus.Properties.Get":
		state := "RUNNING"
		if d.Failed {
			state = "FAILED"
		}
		return []any{dbus.MakeVariant(state)}, nil
	case "getDefaultZone":
		return []any{d.fallback}, nil
	case "getZones", "getZoneNames":
		return []any{names}, nil
	case "getActiveZones":
		return []any{d.active()}, nil
	}
	return d.ofZone(c, method, persistent)
}

// ofZone is for calls that name a zone, or are made to the object that is its configuration.
func (d *Daemon) ofZone(c host.BusCall, method string, persistent bool) ([]any, error) {
	args := make([]string, 0, len(c.Args))
	for _, a := range c.Args {
		if s, ok := a.(string); ok {
			args = append(args, s)
		}
	}
	name, onZone := strings.CutPrefix(c.Path, zonePath)
	if !onZone {
		if len(args) == 0 {
			return nil, busError("org.freedesktop.DBus.Error.UnknownMethod", "no method "+c.Method+" of "+c.Path+" without a zone")
		}
		name, args = args[0], args[1:]
	}
	z := d.state(persistent)[name]
	if z == nil {
		return nil, refuse("INVALID_ZONE", name)
	}
	switch method {
	case "getZoneByName":
		return []any{dbus.ObjectPath(zonePath + name)}, nil
	case "getZoneSettings2":
		target := z.Target
		if target == "" {
			target = "default"
		}
		return []any{map[string]dbus.Variant{"target": dbus.MakeVariant(target)}}, nil
	case "getPorts":
		return []any{z.pairs(persistent)}, nil
	case "getRichRules":
		return []any{slices.Clone(z.Rules)}, nil
	}
	if err := d.mayChange(c, persistent); err != nil {
		return nil, err
	}
	if err := z.change(method, name, persistent, args); err != nil {
		return nil, err
	}
	if persistent {
		return nil, nil
	}
	return []any{name}, nil
}

// mayChange fails for what stands against every change. Only what runs heeds panic mode, and a rich rule of it is
// added in a lockdown, too.
func (d *Daemon) mayChange(c host.BusCall, persistent bool) error {
	if d.Fail != nil {
		if err := d.Fail(c); err != nil {
			return err
		}
	}
	switch {
	case d.Failed && persistent:
		return refuse("RUNNING_BUT_FAILED", "Changing permanent configuration is not allowed while firewalld is in FAILED state.")
	case d.Locked && (persistent || !strings.HasSuffix(c.Method, "RichRule")):
		return refuse("ACCESS_DENIED", "lockdown is enabled")
	case d.Panicked && !persistent:
		return refuse("PANIC_MODE", "")
	}
	return nil
}

// active are the zones that somebody is in.
func (d *Daemon) active() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for name, z := range d.running {
		in := map[string][]string{}
		if len(z.Interfaces) > 0 {
			in["interfaces"] = slices.Clone(z.Interfaces)
		}
		if len(z.Sources) > 0 {
			in["sources"] = slices.Clone(z.Sources)
		}
		if len(in) > 0 {
			out[name] = in
		}
	}
	return out
}

// pairs are the ports as the bus carries them: what runs as lists, what persists as structures.
func (z *Zone) pairs(persistent bool) any {
	lists, structs := [][]string{}, [][]any{}
	for _, p := range z.Ports {
		port, protocol, _ := strings.Cut(p, "/")
		lists, structs = append(lists, []string{port, protocol}), append(structs, []any{port, protocol})
	}
	if persistent {
		return structs
	}
	return lists
}
