package unit

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Check finds why the change cannot be made.
func (resource) Check(ctx context.Context, v host.View, have, want *Spec) error {
	if have == nil {
		found, err := find(ctx, v, want)
		if err != nil {
			return err
		}
		have = found
	}
	if err := have.whole(ctx, v); err != nil {
		return err
	}
	errs := []error{have.checkFiles(v, want), have.checkSelf(want), have.checkRoot(v)}
	if want == nil {
		return errors.Join(append(errs, have.checkRemoval())...)
	}
	if want.Found {
		return errors.Join(errs...)
	}
	if err := have.checkThere(v, want); err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, have.checkPlace(v, want), have.checkEnabled(v, want), have.checkState(want))...)
}

func (s *Spec) checkFiles(v host.View, want *Spec) error {
	var errs []error
	for _, c := range s.changes(want) {
		errs = append(errs, c.have.check(v, c.want))
	}
	if d, differs := s.diffEnabled(orEmpty(want)); differs {
		if err := place.Check(v, path.Join(configDir, s.Name+".link"), place.Make, nil, place.Attributes{}); err != nil {
			errs = append(errs, fmt.Errorf("cannot make enabled %s: %w", d.Want, err))
		}
	}
	return errors.Join(errs...)
}

// orEmpty is a spec that manages nothing in the place of none.
func orEmpty(s *Spec) *Spec {
	if s == nil {
		return &Spec{}
	}
	return s
}

// checkSelf refuses what would end the run itself.
func (s *Spec) checkSelf(want *Spec) error {
	if !s.self || want != nil && want.State != stopped {
		return nil
	}
	what := "stop"
	if want == nil {
		what = "remove"
	}
	return fmt.Errorf("this run is a part of %s, and to %s that would end it halfway: run agent0-converge from a terminal for it", s.Name, what)
}

// checkRoot refuses to tell systemd what it takes from root alone.
func (s *Spec) checkRoot(v host.View) error {
	if s.live == nil || v.Files.User() == 0 {
		return nil
	}
	return errors.New("only root may tell systemd what to do: run as root")
}

func (s *Spec) checkRemoval() error {
	if s.named && s.vendor != "" {
		return fmt.Errorf("%s is what %s takes the place of: without its file in /etc the unit is that one again. Drop the block from the plan "+
			"for that, or write masked = true to have neither", s.vendor, s.fragment())
	}
	return nil
}

// checkThere asks for a unit that the plan says no file of.
func (s *Spec) checkThere(v host.View, want *Spec) error {
	if want.ownFile() || want.Masked != nil && *want.Masked {
		return nil
	}
	u, err := unitfile.Locate(v.Files, want.Name)
	if err != nil || u != nil {
		return err
	}
	if s.live != nil && s.live.Load != "not-found" {
		return nil // systemd has units that have no file, such as that of a mount
	}
	return &engine.NeedError{Claim: place.Claim(want.fragment()), Err: fmt.Errorf(
		"this host has no unit %s: say its sections or content here, or install what brings it", want.Name)}
}

// checkPlace refuses names that are another unit's, and places that are taken.
func (s *Spec) checkPlace(v host.View, want *Spec) error {
	u, err := unitfile.Locate(v.Files, want.Name)
	if err != nil {
		return err
	}
	if u != nil && u.Name != want.Name && !want.ownFile() {
		return fmt.Errorf("%s is another name of %s: declare that", want.Name, u.Name)
	}
	f, err := look(v, want.fragment())
	if err != nil {
		return err
	}
	if f.Target != "" && !f.mask() && (want.ownFile() || want.Masked != nil && *want.Masked) {
		return fmt.Errorf("%s is a link to %s: nothing of it is touched; disable what it stands for, or remove it by hand", f.Path, f.Target)
	}
	if want.Masked != nil && *want.Masked && f.there() && !f.mask() {
		return fmt.Errorf("%s lies in /etc itself, where the mask would have to be: remove it with absent = true, "+
			"or write enabled = false and state = \"stopped\"", f.Path)
	}
	return nil
}

// checkEnabled says why a unit cannot start at boot, or be kept from it. What the plan says of
// [Install] Validate has looked at.
func (s *Spec) checkEnabled(v host.View, want *Spec) error {
	if want.Enabled == nil {
		return nil
	}
	if !*want.Enabled {
		if s.fileState == generated {
			return fmt.Errorf("%s is made at every boot from another file, such as /etc/fstab or an init script: change that, or write masked = true", s.Name)
		}
		return nil
	}
	mask := s.fileState == "masked" || s.fileState == "masked-runtime"
	if mask && !want.ownFile() && (want.Masked == nil || *want.Masked) {
		return fmt.Errorf("%s is masked, so that nothing starts it: add masked = false", s.Name)
	}
	if mask || want.ownFile() || len(want.added("Install", "WantedBy"))+len(want.added("Install", "RequiredBy"))+len(want.added("Install", "UpheldBy")) > 0 {
		return nil
	}
	switch s.fileState {
	case "static":
		return fmt.Errorf("%s has no [Install] section: nothing to enable; add install = { WantedBy = %q } in a drop-in, or leave enabled out", s.Name, wantedBy(s.kind()))
	case generated:
		return fmt.Errorf("%s is made at every boot from another file, such as /etc/fstab or an init script, which says whether it starts: leave enabled out", s.Name)
	case "alias":
		return fmt.Errorf("%s is another name of a unit: declare that", s.Name)
	case "transient":
		return fmt.Errorf("%s was made by a program for as long as it runs: there is nothing to enable; leave enabled out", s.Name)
	case "bad":
		return fmt.Errorf("systemd cannot make use of the file of %s: look at systemctl status %s", s.Name, s.Name)
	case "indirect":
		if len(s.wanted) == 0 || !s.enables() {
			return fmt.Errorf("%s is enabled by way of others (Also=, or an instance of its template): enable those, and leave enabled out here", s.Name)
		}
	}
	if _, _, err := unitfile.Enable(v.Files, s.Name); err != nil {
		return err
	}
	return s.checkLoaded(want)
}

// checkLoaded refuses what systemd has no use for, but where it may be mended by then.
func (s *Spec) checkLoaded(want *Spec) error {
	if s.live == nil || !s.unloadable() || len(s.changes(want)) > 0 || s.outdated() {
		return nil
	}
	return s.loadError()
}

// enables reports whether a link among those that [Install] asks for is of the unit itself.
func (s *Spec) enables() bool {
	for p, target := range s.wanted {
		if path.Base(p) == s.Name || path.Base(target) == s.Name {
			return true
		}
	}
	return false
}

// checkState says why a unit cannot be started or stopped.
func (s *Spec) checkState(want *Spec) error {
	if s.live == nil || want.State == "" || s.is(want.State) {
		return nil
	}
	if want.State == stopped {
		if !s.live.CanStop {
			return fmt.Errorf("systemd stops %s only when something else asks for it (RefuseManualStop=)", s.Name)
		}
		return s.checkFleeting(want)
	}
	mask := strings.HasPrefix(s.fileState, "masked") || s.live.Load == "masked"
	switch {
	case mask && !want.ownFile() && (want.Masked == nil || *want.Masked):
		return fmt.Errorf("%s is masked, so that nothing starts it: add masked = false", s.Name)
	case mask || want.ownFile():
		return nil
	case s.unloadable():
		return s.checkLoaded(want)
	case s.live.Load == "loaded" && s.kind() == "service" && s.once() && len(want.Dropins) == 0:
		return errors.New(ends(s.Name))
	case s.live.Load == "loaded" && !s.live.CanStart && len(want.Dropins) == 0:
		return fmt.Errorf("systemd starts %s only when something else asks for it (RefuseManualStart=)", s.Name)
	}
	return nil
}

// checkFleeting refuses to stop what is gone as soon as it is stopped, and would be missing from then on.
func (s *Spec) checkFleeting(want *Spec) error {
	mounted := s.fileState == "" && (s.kind() == "mount" || s.kind() == "swap")
	if want.ownFile() || s.fileState != "transient" && !mounted {
		return nil
	}
	return fmt.Errorf("%s has no file, and is no unit any more once it is stopped: leave it out and run systemctl stop %s", s.Name, s.Name)
}

// Irreversible says what undo will not bring back.
func (resource) Irreversible(have, want *Spec) string {
	if have == nil || !have.active() || want != nil && want.State != stopped {
		return ""
	}
	if fragment, managed := have.file(have.fragment()); have.live.Fragment == have.fragment() && managed && !fragment.there() {
		return "it runs, and its file is gone already: once stopped it does not start again"
	}
	return ""
}
