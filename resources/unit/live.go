package unit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// findLive asks systemd.
func (s *Spec) findLive(ctx context.Context, v host.View, spec *Spec) error {
	if !v.Units.Running() {
		return nil
	}
	ask := v.Units.Glance
	if spec.absent {
		ask = v.Units.State // for what is left of it, systemd's word on its files is needed
	}
	live, err := ask(ctx, s.Name)
	if err != nil {
		return err
	}
	s.live = &live
	if s.active() && s.kind() == "service" {
		self, err := v.Units.Self(ctx)
		if err != nil {
			return err
		}
		s.self = self == s.Name
	}
	if s.record, err = readRecord(v, s.Name); err != nil {
		return err
	}
	fragment, managed := s.file(s.fragment())
	if spec.State == "" && !(spec.absent && managed && (fragment.there() || live.Fragment == s.fragment()) && !fragment.mask()) {
		return nil
	}
	if live.Active == "maintenance" {
		return fmt.Errorf("%s is in maintenance (%s): look at systemctl status %s, and end what has it", s.Name, live.Sub, s.Name)
	}
	s.State = stopped
	if s.active() {
		s.State = running
	}
	return nil
}

// whole reads all of the state of a unit at which Read only glanced. That is enough for what need not change.
func (s *Spec) whole(ctx context.Context, v host.View) error {
	if s.live == nil || !s.live.Brief {
		return nil
	}
	live, err := v.Units.State(ctx, s.Name)
	if err != nil {
		return err
	}
	s.live = &live
	return nil
}

// active reports whether the unit runs or is about to. What systemd starts again and again, as it
// fails, does not.
func (s *Spec) active() bool {
	if s.live == nil {
		return false
	}
	switch s.live.Active {
	case "active", "reloading", "refreshing":
		return true
	case "activating":
		return !s.failing()
	}
	return false
}

// is reports whether the unit is in a state of a plan's words. What systemd is about to start again, as
// it failed, neither runs nor is it stopped.
func (s *Spec) is(state string) bool {
	if state == stopped {
		return !s.active() && s.live.Active != "activating"
	}
	return s.active()
}

// failing reports whether the unit ended badly.
func (s *Spec) failing() bool {
	return s.live != nil && s.live.Failing()
}

// outdated reports whether systemd knows the unit otherwise than its files have it. What was masked,
// or not there, and is so no more, or the other way round, systemd does not count for that, nor what
// it has not read yet. Of files that it does not take it goes on saying that they want to be read.
func (s *Spec) outdated() bool {
	if s.fileState == "bad" {
		return false
	}
	masked := strings.HasPrefix(s.fileState, "masked")
	switch s.live.Load {
	case "masked":
		return s.live.NeedReload || !masked
	case "loaded":
		return s.live.NeedReload || masked || s.unread
	case "not-found":
		return s.fileState != ""
	}
	return s.live.NeedReload
}

// unloadable reports whether systemd has read the unit's files and makes no unit of them.
func (s *Spec) unloadable() bool { return s.live.Load == "bad-setting" || s.live.Load == "error" }

func (s *Spec) loadError() error {
	return fmt.Errorf("systemd cannot load %s: %s", s.Name, strings.TrimSuffix(s.live.LoadError, "."))
}

// findUnread looks for files that systemd would use and does not know of: it notices what becomes of
// the files that it has read, and neither one that has come to take precedence nor one in a new folder.
func (s *Spec) findUnread(v host.View) error {
	if s.live == nil || s.live.Load != "loaded" || s.live.Fresh || unitfile.IsTemplate(s.Name) {
		return nil
	}
	var unknown []string
	for _, f := range s.Files {
		read := slices.Contains(s.live.DropIns, f.Path) || f.Path == s.live.Fragment
		if read && !f.there() {
			s.unread = true
		}
		if !read && f.Text != nil && !f.mask() {
			unknown = append(unknown, f.Path)
		}
	}
	if s.unread || len(unknown) == 0 {
		return nil
	}
	u, err := unitfile.Locate(v.Files, s.Name)
	if err != nil || u == nil {
		return err
	}
	s.unread = slices.ContainsFunc(unknown, func(p string) bool { return p == u.Path || slices.Contains(u.DropIns, p) })
	return nil
}
