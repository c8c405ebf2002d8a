package host

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"
)

// getOne asks for one property.
const getOne = "org.freedesktop.DBus.Properties.Get"

// Resting lists all units at once. What systemd has in memory it lists by itself; the rest it loads for
// the one answer, and forgets again: that it does so once, and not for each, is most of what this saves.
func (s *systemd) Resting(ctx context.Context, names []string) (map[string]UnitState, error) {
	found := map[string]UnitState{}
	names = slices.DeleteFunc(slices.Clone(names), template) // for one of which systemd would refuse all
	err := s.read(ctx, func(ctx context.Context, c *systemdConn) error {
		inMemory, err := c.ListUnitsContext(ctx)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, u := range inMemory {
			known[u.Name] = true
		}
		all, err := c.ListUnitsByNamesContext(ctx, names)
		if err != nil {
			return err
		}
		for _, u := range all {
			loads := u.LoadState == "loaded" || u.LoadState == "masked" || u.LoadState == "not-found"
			if u.ActiveState == "inactive" && u.JobId == 0 && loads {
				found[u.Name] = UnitState{
					Name: u.Name, Load: u.LoadState, Active: u.ActiveState, Sub: u.SubState,
					Brief: true, Fresh: !known[u.Name],
				}
			}
		}
		return nil
	})
	return found, err
}

// Defined asks for what systemd knows of the unit's files. These are cheap to tell of a unit in memory, while all
// properties would have systemd find out anew, after each daemon-reload, how the unit is enabled.
func (s *systemd) Defined(ctx context.Context, st UnitState) (UnitState, error) {
	err := s.read(ctx, func(ctx context.Context, c *systemdConn) error {
		names := []string{"FragmentPath", "SourcePath", "DropInPaths", "NeedDaemonReload"}
		calls, p := make([]*dbus.Call, len(names)), properties{}
		for i, name := range names {
			calls[i] = c.ask(ctx, unitPath(st.Name), getOne, systemdName+".Unit", name)
		}
		for i, name := range names {
			var v dbus.Variant
			if err := (<-calls[i].Done).Store(&v); err != nil {
				return err
			}
			p[name] = v
		}
		st.Fragment, st.DropIns, st.NeedReload = fragment(p), get[[]string](p, "DropInPaths"), get[bool](p, "NeedDaemonReload")
		return nil
	})
	return st, err
}
