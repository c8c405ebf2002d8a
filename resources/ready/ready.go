// Package ready has a service started, and waits until it says that it is ready.
package ready

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

// Spec is a service that is ready: one that another block, or a package, brings. It is started if it does not run, and what
// depends on the block waits until the service says that it can be used (READY=1 of a Type=notify service, or what its type has
// for that). One that was started and is not ready is not taken for one that runs. With absent = true the service is stopped. Where no systemd runs,
// as in an image, there is nothing to wait for.
type Spec struct {
	// Label is what references call the block by.
	Label string `hcl:"label,label" diff:"-"`
	// Unit is the service's whole name, such as "postgresql.service". Left out, it is the label with ".service".
	Unit string `hcl:"unit,optional"`

	absent bool
}

// patience is how long a service may take unless its block says otherwise: a model may be large.
const patience = 15 * time.Minute

// Kind returns the kind ready.
func Kind() *engine.Kind {
	return engine.NewKind("ready", resource{}, engine.Passive(), engine.Timeout(patience))
}

// Absent tells that the service is to be stopped.
func (s *Spec) Absent() { s.absent = true }

// Default takes the name from the label.
func (s *Spec) Default() {
	if s.Unit == "" {
		s.Unit = s.Label + ".service"
	}
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	err := unitfile.ValidName(s.Unit)
	switch {
	case err == nil && (!strings.HasSuffix(s.Unit, ".service") || unitfile.IsTemplate(s.Unit)):
		err = fmt.Errorf("%s is no service that can be started: others are never ready", s.Unit)
	case err == nil:
		return nil
	}
	return &engine.AttributeError{Name: "unit", Err: err}
}

// Claims are the service's being ready: the service itself is another block's.
func (s *Spec) Claims() []engine.Claim { return []engine.Claim{engine.Claim("ready:" + s.Unit)} }

// Needs is the service.
func (s *Spec) Needs() []engine.Claim { return []engine.Claim{engine.UnitClaim(s.Unit)} }

type resource struct{}

// Read reports the service if it is ready, and nil otherwise.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	have := &Spec{Unit: spec.Unit}
	if !v.Units.Running() {
		if spec.absent {
			return nil, nil
		}
		return have, nil
	}
	st, err := v.Units.State(ctx, spec.Unit)
	if err != nil {
		return nil, err
	}
	switch st.Active {
	case "active", "reloading", "refreshing":
		return have, nil
	}
	return nil, nil
}

// Warn says why a service that was started is not ready yet: the wait may be long.
func (resource) Warn(ctx context.Context, v host.View, have, want *Spec) error {
	if have != nil || want == nil || !v.Units.Running() {
		return nil
	}
	st, err := v.Units.State(ctx, want.Unit)
	if err != nil || st.Active != "activating" || st.StatusText == "" {
		return err
	}
	return fmt.Errorf("%s is being started and says of itself: %s", want.Unit, st.StatusText)
}

// Apply starts the service, or stops it.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return h.Units.Do(ctx, host.StopUnit, have.Unit)
	}
	st, err := h.View().Units.State(ctx, want.Unit)
	if err != nil {
		return err
	}
	if st.Active == "failed" || st.Result == "start-limit-hit" {
		if err := h.Units.Do(ctx, host.ResetFailed, want.Unit); err != nil {
			return err
		}
	}
	_, err = h.Units.Start(ctx, host.StartUnit, want.Unit)
	return err
}
