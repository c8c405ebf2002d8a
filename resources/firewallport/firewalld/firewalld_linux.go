package firewalld

import (
	"context"
	"fmt"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Owner is firewalld.
type Owner struct{}

var _ owner.Owner = Owner{}

// Name is firewalld.
func (Owner) Name() string { return "firewalld" }

// Active reports whether firewalld rules this host: it has its name on the message bus. It is asked of the bus and not
// of firewalld, so that one that does not run is not started by the question. An image is ruled by it if it is enabled
// there, and so not masked.
func Active(ctx context.Context, v host.View) (bool, error) {
	if v.Offline {
		state, err := unitfile.State(v.Files, unit)
		return state == "enabled", err
	}
	if !v.Bus.Running() {
		return false, nil
	}
	out, err := v.Bus.Get(ctx, busCall("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", busName))
	if noBus(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot ask whether firewalld runs: %w", err)
	}
	return one[bool](out)
}

// Down reports whether firewalld is to rule this host and does not: it is enabled, and has not its name on the bus. The
// next boot would make it the owner.
func Down(ctx context.Context, v host.View) (bool, error) {
	if v.Offline {
		return false, nil
	}
	state, err := unitfile.State(v.Files, unit)
	if err != nil || state != "enabled" {
		return false, err
	}
	active, err := Active(ctx, v)
	return !active, err
}

// Read returns the lines of all zones, those that are not in use too. A port that a service of a zone opens is none.
func (Owner) Read(ctx context.Context, v host.View) (*owner.State, error) {
	type key struct{}
	type found struct {
		running, persistent map[string]settings
		err                 error
	}
	f := host.Once(v.Files, key{}, func() (f found) {
		if v.Offline {
			f.persistent, f.err = imageSettings(v.Files)
		} else {
			f.running, f.persistent, f.err = allSettings(ctx, v)
		}
		return f
	})
	if f.err != nil {
		return nil, f.err
	}
	s := &owner.State{Persistent: linesOf(f.persistent)}
	if !v.Offline {
		s.Running = linesOf(f.running)
	}
	return s, nil
}

func linesOf(zones map[string]settings) map[string]owner.Line {
	out := map[string]owner.Line{}
	for zone, s := range zones {
		s.lines(zone, out)
	}
	return out
}

// allSettings asks the daemon for those of all zones, now and after a reload.
func allSettings(ctx context.Context, v host.View) (running, persistent map[string]settings, err error) {
	d, err := dial(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	if err := d.healthy(ctx); err != nil {
		return nil, nil, err
	}
	zones, err := get[[]string](ctx, d, mainPath, zoneIface+".getZones")
	if err != nil {
		return nil, nil, err
	}
	running, persistent = map[string]settings{}, map[string]settings{}
	for _, zone := range zones {
		if running[zone], err = d.running(ctx, zone); err != nil {
			return nil, nil, err
		}
	}
	if zones, err = get[[]string](ctx, d, configPath, configIface+".getZoneNames"); err != nil {
		return nil, nil, err
	}
	for _, zone := range zones {
		if _, persistent[zone], err = d.persistent(ctx, zone); err != nil {
			return nil, nil, err
		}
	}
	return running, persistent, nil
}

// SetRunning changes what firewalld has now, by one call for each line.
func (Owner) SetRunning(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	have := func(ctx context.Context, d *daemon, zone string) (string, settings, error) {
		s, err := d.running(ctx, zone)
		return mainPath, s, err
	}
	return set(ctx, h, out, in, have, runningCall)
}

// SetPersistent changes what firewalld has after a reload: by one call for each line, of which each writes the zone's
// file in /etc/firewalld anew, or in an image that file. In a file that it writes, firewalld keeps no comments.
func (Owner) SetPersistent(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	if h.Offline {
		return setImage(h, out, in)
	}
	have := func(ctx context.Context, d *daemon, zone string) (string, settings, error) {
		at, s, err := d.persistent(ctx, zone)
		return string(at), s, err
	}
	return set(ctx, h, out, in, have, persistentCall)
}

// set makes changes of one of the two states: have tells what a zone has in it, and the object that has it, which call
// is made to.
func set(ctx context.Context, h *host.Host, out, in []owner.Line,
	have func(context.Context, *daemon, string) (string, settings, error), call func(path string, c change) host.BusCall,
) error {
	goes, err := parseLines(out)
	if err != nil {
		return err
	}
	comes, err := parseLines(in)
	if err != nil {
		return err
	}
	d, err := dial(ctx, h.View())
	if err != nil {
		return err
	}
	found, paths := map[string]settings{}, map[string]string{}
	wanted := zonesOf(comes)
	for _, zone := range zonesOf(goes, comes) {
		paths[zone], found[zone], err = have(ctx, d, zone)
		switch {
		case code(err) == invalidZone && !slices.Contains(wanted, zone):
			delete(found, zone) // a zone that is gone has no lines to lose
		case code(err) == invalidZone:
			return fmt.Errorf("%w: firewalld has no zone %s (any more): run this again", err, zone)
		case err != nil:
			return err
		}
	}
	for _, c := range changes(found, goes, comes) {
		b := call(paths[c.zone], c)
		b.Name = d.name
		_, err := h.Bus.Call(ctx, c.String(), b)
		if word := code(err); err != nil && word != alreadyEnabled && word != notEnabled {
			return explain(err)
		}
	}
	return nil
}

// runningCall is a call of firewalld's zone interface; the number is how many seconds what is added stays, 0 for ever.
func runningCall(path string, c change) host.BusCall {
	switch {
	case c.rule != "" && c.remove:
		return busCall("", path, zoneIface+".removeRichRule", c.zone, c.rule)
	case c.rule != "":
		return busCall("", path, zoneIface+".addRichRule", c.zone, c.rule, int32(0))
	case c.remove:
		return busCall("", path, zoneIface+".removePort", c.zone, c.port.String(), c.port.protocol)
	}
	return busCall("", path, zoneIface+".addPort", c.zone, c.port.String(), c.port.protocol, int32(0))
}

// persistentCall is a call of the object that a zone's configuration is.
func persistentCall(path string, c change) host.BusCall {
	switch {
	case c.rule != "" && c.remove:
		return busCall("", path, configZone+".removeRichRule", c.rule)
	case c.rule != "":
		return busCall("", path, configZone+".addRichRule", c.rule)
	case c.remove:
		return busCall("", path, configZone+".removePort", c.port.String(), c.port.protocol)
	}
	return busCall("", path, configZone+".addPort", c.port.String(), c.port.protocol)
}

// Narrows reports whether a line that goes lets somebody in to the port, or one that comes does up to a rate.
func (Owner) Narrows(out, in []owner.Line, port uint16) bool {
	for _, l := range out {
		if o, err := parseLine(l); err != nil || o.opens(port) {
			return true // what cannot be read is not vouched for
		}
	}
	for _, l := range in {
		if o, err := parseLine(l); err != nil || o.opens(port) && o.limited() {
			return true
		}
	}
	return false
}
