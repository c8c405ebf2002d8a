package unit

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// Apply makes the unit as wanted: its files, then what enables it, then what systemd knows of both,
// and then what runs.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return remove(ctx, h, have)
	}
	if have == nil {
		found, err := find(ctx, h.View(), want)
		if err != nil {
			return err
		}
		have = found
	}
	do := todo{}
	if have.live != nil {
		do = due(have, want)
	}
	changed, err := write(h, have, want)
	if err != nil || have.live == nil {
		return err
	}
	if changed || have.outdated() {
		if err := h.Units.Do(ctx, host.DaemonReload, ""); err != nil {
			return err
		}
	}
	if err := jobs(ctx, h, have, want, do); err != nil {
		return err
	}
	return remember(ctx, h, have, want)
}

// write makes files and links as wanted. [Install] is what is in the files by then; the way back to
// how links were starts while they can still be found by it.
func write(h *host.Host, have, want *Spec) (changed bool, err error) {
	relinked := false
	if want.Found {
		if relinked, err = relink(h, want); err != nil {
			return relinked, err
		}
	}
	for _, c := range have.changes(want) {
		changed = true
		if err := c.have.put(h, c.want, want.Found); err != nil {
			return changed, err
		}
	}
	if want.Found {
		return changed || relinked, clear(h, have, want)
	}
	relinked, err = relink(h, want)
	return changed || relinked, err
}

// jobs has systemd do what is left to do.
func jobs(ctx context.Context, h *host.Host, have, want *Spec, do todo) error {
	if unitfile.IsTemplate(want.Name) {
		return nil
	}
	st, err := h.View().Units.State(ctx, want.Name)
	if err != nil {
		return err
	}
	now := &Spec{Name: want.Name, seen: seen{live: &st, record: have.record}}
	if now.unloadable() && want.loads() {
		return now.loadError()
	}
	if have.self {
		return nil
	}
	switch {
	case want.State == stopped && !now.is(stopped):
		return h.Units.Do(ctx, host.StopUnit, want.Name)
	case want.State == stopped:
		return nil
	case want.State == running && st.Active == "activating" && !now.active():
		return now.open(ctx, h, host.RestartUnit) // a start would wait for as long as systemd does with the next try
	case want.State == running && !now.active():
		return now.open(ctx, h, host.StartUnit)
	case do.restart != "" && now.active():
		return now.open(ctx, h, host.RestartUnit)
	case st.Active == "activating" && want.State == running:
		return now.start(ctx, h, host.StartUnit) // which waits for the start that is under way
	case do.reload != "" && now.active():
		return h.Units.Do(ctx, host.ReloadUnit, want.Name)
	}
	return nil
}

// loads reports whether what is wanted is of no use unless systemd can load the unit. What is broken can be
// stopped, disabled and brought back as it was.
func (s *Spec) loads() bool {
	return s.State == running || !s.Found && (s.ownFile() || len(s.Dropins) > 0 || s.Enabled != nil && *s.Enabled)
}

// start starts the unit, or starts it anew, and asks whether it stays.
func (s *Spec) start(ctx context.Context, h *host.Host, verb host.UnitVerb) error {
	if s.live.Active == "failed" || s.live.Result == "start-limit-hit" {
		if err := h.Units.Do(ctx, host.ResetFailed, s.Name); err != nil {
			return err
		}
	}
	st, err := h.Units.Start(ctx, verb, s.Name)
	if err != nil {
		return err
	}
	after := &Spec{Name: s.Name, seen: seen{live: &st}}
	switch {
	case after.active():
		return nil
	case st.ConditionFailed:
		return fmt.Errorf("systemd did not start %s: a Condition of it does not hold here (systemctl status %s says which)", s.Name, s.Name)
	case st.Type == "oneshot" && !st.RemainAfterExit:
		return errors.New(ends(s.Name))
	case st.Active == "inactive":
		return fmt.Errorf("%s was started and has ended, without a failure: a command that ends is Type = \"oneshot\"; "+
			"leave state out for it, or say RemainAfterExit = true", s.Name)
	}
	return &host.JobError{Verb: verb, Unit: s.Name, Result: "failed", State: st}
}

// open starts the unit, or starts it anew. A socket cannot be opened while its service runs, which is
// stopped for the time; that it is to go on is recorded before.
func (s *Spec) open(ctx context.Context, h *host.Host, verb host.UnitVerb) error {
	service, err := s.busy(ctx, h.View())
	if err != nil {
		return err
	}
	if service != "" {
		s.record = &record{Resume: service}
		if err := s.record.write(h, s.Name); err != nil {
			return err
		}
		if err := h.Units.Do(ctx, host.StopUnit, service); err != nil {
			return err
		}
	}
	if err := s.start(ctx, h, verb); err != nil {
		return err
	}
	return s.resume(ctx, h)
}

// busy is the service of a socket, if it runs.
func (s *Spec) busy(ctx context.Context, v host.View) (string, error) {
	if s.kind() != "socket" {
		return "", nil
	}
	service, err := s.serves(v.Files)
	if err != nil {
		return "", err
	}
	st, err := v.Units.State(ctx, service)
	if err != nil || !(&Spec{Name: service, seen: seen{live: &st}}).active() {
		return "", err
	}
	return service, nil
}

// resume starts what was stopped for the time of a restart, by this run or one that was cut short.
func (s *Spec) resume(ctx context.Context, h *host.Host) error {
	if s.record == nil || s.record.Resume == "" {
		return nil
	}
	st, err := h.View().Units.State(ctx, s.record.Resume)
	if err != nil {
		return err
	}
	return (&Spec{Name: s.record.Resume, seen: seen{live: &st}}).start(ctx, h, host.StartUnit)
}

// serves is the service that a socket starts.
func (s *Spec) serves(t host.Tree) (string, error) {
	u, err := unitfile.Locate(t, s.Name)
	if err != nil {
		return "", err
	}
	name := strings.TrimSuffix(s.Name, path.Ext(s.Name)) + ".service"
	if u == nil {
		return name, nil
	}
	for _, p := range append([]string{u.Path}, u.DropIns...) {
		b, err := t.ReadFile(p)
		if err != nil {
			return "", err
		}
		if said := lastOf(unreset(parse(string(b))["Socket"]["Service"])); said != "" {
			name = said
		}
	}
	return name, nil
}

// remember records what the unit runs with. The unit that the run is a part of still runs with what
// it was started with.
func remember(ctx context.Context, h *host.Host, have, want *Spec) error {
	if have.self || unitfile.IsTemplate(want.Name) || !restartable(want.kind()) {
		return nil
	}
	now, err := find(ctx, h.View(), want)
	if err != nil {
		return err
	}
	if !now.active() || now.live.Invocation == "" {
		return forget(h, want.Name, now.record)
	}
	return writeRecord(h, want, now.live, now.Files, now.record)
}

func forget(h *host.Host, name string, r *record) error {
	if r == nil {
		return nil
	}
	return h.Files.Remove(recordPath(name))
}

// Undo brings back what was before: files, links and what ran.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	return r.Apply(ctx, h, now, before)
}

// remove leaves nothing of the unit that the plan manages. Each step finds out by itself, when it is
// done again, whether there is anything left to do.
func remove(ctx context.Context, h *host.Host, have *Spec) error {
	if have.State != "" && !have.is(stopped) {
		if err := h.Units.Do(ctx, host.StopUnit, have.Name); err != nil {
			return err
		}
	}
	if _, err := relink(h, &Spec{Name: have.Name, Found: true, Enabled: have.Enabled}); err != nil {
		return err
	}
	if err := clearMade(h, have); err != nil {
		return err
	}
	files := have.changes(nil)
	slices.Reverse(files) // drop-ins of a unit before its file, which tells what they were of
	for _, c := range files {
		if err := c.have.put(h, c.want, false); err != nil {
			return err
		}
		if path.Dir(c.have.Path) == presetDir {
			if err := removeEmpty(h, presetDir); err != nil {
				return err
			}
		}
	}
	if have.live == nil {
		return nil
	}
	if err := h.Units.Do(ctx, host.DaemonReload, ""); err != nil {
		return err
	}
	if err := h.Units.Do(ctx, host.ResetFailed, have.Name); err != nil {
		return err
	}
	return forget(h, have.Name, have.record)
}
