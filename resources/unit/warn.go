package unit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// Warn tells of what will probably not do what is meant.
func (resource) Warn(ctx context.Context, v host.View, have, want *Spec) error {
	if want == nil || want.Found {
		return nil
	}
	if have == nil {
		found, err := find(ctx, v, want)
		if err != nil {
			return nil // Check says so
		}
		have = found
	}
	if err := have.whole(ctx, v); err != nil {
		return nil // Check says so
	}
	if len(want.pending()) > 0 && len(resource{}.Diff(have, want)) == 0 {
		return have.whenNext(want)
	}
	errs := []error{have.whenNext(want), have.warnTriggers(want), have.warnBusy(ctx, v, want), have.warnBoot(want), want.warnAccounts(v), want.warnNames()}
	for _, p := range have.foreign {
		errs = append(errs, fmt.Errorf("%s is not the plan's and changes the unit too: add it as a drop-in, or exact = true to remove it", p))
	}
	return errors.Join(append(errs, have.warnMissing(ctx, v, want))...)
}

// warnTriggers tells of what would start again what is to be stopped.
func (s *Spec) warnTriggers(want *Spec) error {
	if s.live == nil || want.State != stopped || !s.active() || len(s.live.TriggeredBy) == 0 {
		return nil
	}
	return fmt.Errorf("%s is started again by %s: stop that as well", s.Name, strings.Join(s.live.TriggeredBy, ", "))
}

// warnBusy tells of a service that is stopped for a moment.
func (s *Spec) warnBusy(ctx context.Context, v host.View, want *Spec) error {
	opens := want.State == running && !s.active()
	if s.live == nil || !opens && due(s, want).restart == "" {
		return nil
	}
	service, err := s.busy(ctx, v)
	if service == "" || err != nil {
		return err
	}
	return fmt.Errorf("%s is restarted too: systemd opens no socket of a service that runs", service)
}

// warnBoot tells of what runs until the next boot only.
func (s *Spec) warnBoot(want *Spec) error {
	if want.State != running || s.live == nil && want.Enabled == nil || s.live != nil && len(s.live.TriggeredBy) > 0 {
		return nil
	}
	if want.Enabled != nil && !*want.Enabled || want.Enabled == nil && (s.fileState == "disabled" || s.fileState == "" && len(want.installs("WantedBy")) > 0) {
		return fmt.Errorf("%s is started now, and not after a reboot: add enabled = true if it is to be", s.Name)
	}
	return nil
}

// warnAccounts tells of accounts that the host lacks. They may come to be at boot (sysusers.d).
func (s *Spec) warnAccounts(v host.View) error {
	var errs []error
	for _, claim := range s.accounts() {
		kind, name, _ := strings.Cut(string(claim), ":")
		ask := v.Accounts.UID
		if kind == "group" {
			ask = v.Accounts.GID
		}
		var unknown *host.UnknownAccountError
		if _, err := ask(name); errors.As(err, &unknown) {
			errs = append(errs, &engine.NeedError{Claim: claim, Err: fmt.Errorf("%s runs as the %s %s, which this host lacks: it will not start", s.Name, kind, name)})
		}
	}
	return errors.Join(errs...)
}

// warnNames tells of directives that systemd does not know, in text that was brought along.
func (s *Spec) warnNames() error {
	if s.Content == nil {
		return nil
	}
	f, err := unitfile.Parse([]byte(s.Content.Reveal()))
	if err != nil {
		return nil // Validate says so
	}
	var errs []error
	for _, x := range f.Sections {
		for _, set := range x.Settings {
			if err := unitfile.Check(s.kind(), x.Name, set.Key); err != nil {
				errs = append(errs, fmt.Errorf("line %d of its file: %w", set.Line, err))
			}
		}
	}
	return errors.Join(errs...)
}

// warnMissing tells of units that this one cannot start without, and that the host lacks.
func (s *Spec) warnMissing(ctx context.Context, v host.View, want *Spec) error {
	var errs []error
	for _, key := range []string{"Requires", "BindsTo", "Requisite"} {
		for _, name := range words(want.all("Unit", key)) {
			if unitfile.ValidName(name) != nil || !slices.Contains([]string{"service", "socket", "target", "timer", "path"}, unitfile.Type(name)) {
				continue // devices, mounts and slices come by themselves
			}
			missing, err := lacks(ctx, v, name)
			if err != nil {
				return err
			}
			if missing {
				errs = append(errs, &engine.NeedError{Claim: engine.UnitClaim(name), Err: fmt.Errorf(
					"%s=%s: this host has no such unit, so %s would not start; use Wants and After instead", key, name, s.Name)})
			}
		}
	}
	return errors.Join(errs...)
}

// lacks reports whether the host has no such unit.
func lacks(ctx context.Context, v host.View, name string) (bool, error) {
	u, err := unitfile.Locate(v.Files, name)
	if err != nil || u != nil || !v.Units.Running() {
		return u == nil, err
	}
	st, err := v.Units.State(ctx, name)
	return st.Load == "not-found", err
}

// whenNext says in the report what the unit that the agent runs in does with its new settings, and with what it
// refers to.
func (s *Spec) whenNext(want *Spec) error {
	what := "what changes"
	switch as := want.pending(); {
	case !s.self:
		return nil
	case s.ownChange(want):
	case len(as) == 0:
		return nil
	default:
		what = "the change of " + names(as)
	}
	return fmt.Errorf("this run is a part of %s, which is not restarted: %s takes effect when it next starts", s.Name, what)
}

// pending are the resources that the unit refers to and this run has yet to change.
func (s *Spec) pending() []engine.Addr { return slices.Concat(s.restart.Pending, s.reload.Pending) }
