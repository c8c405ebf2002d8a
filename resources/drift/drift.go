// Package drift has the host put right, again and again, what drifted from the plans that were
// applied on it: a timer and a service of systemd.
package drift

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/unit"
)

// Spec puts right, on a schedule, what drifted from the plans of this host: it runs "apply --last".
// That goes by what was last applied and by nothing that was edited since, never prompts, and
// leaves alone what is pending or contested. A host has one such block, in whichever plan. It is made
// of the units agent0-converge-drift.timer and agent0-converge-drift.service.
type Spec struct {
	// Every is how long after one run the next one starts, as a systemd time span: "15min" if left out.
	Every string `hcl:"every,optional"`
	// RandomizedDelay is how much later a run may start, so that many machines do not all start at
	// once: "2min" if left out.
	RandomizedDelay string `hcl:"randomized_delay,optional"`
	// ContestedAfter is how often the same attribute is put right within a day before it is left
	// alone, since somebody else wants it otherwise: 3 if left out.
	ContestedAfter int `hcl:"contested_after,optional"`
	// Command is where the agent lies on the host: "/usr/local/bin/agent0-converge" if left out.
	Command string `hcl:"command,optional"`
}

// Kind returns the kind drift.
func Kind() *engine.Kind { return engine.NewComposite[Spec]("drift") }

// The names of the two units.
const (
	service = "agent0-converge-drift.service"
	timer   = "agent0-converge-drift.timer"
)

// Default fills in what the block left out.
func (s *Spec) Default() {
	for _, f := range []struct {
		field *string
		value string
	}{{&s.Every, "15min"}, {&s.RandomizedDelay, "2min"}, {&s.Command, "/usr/local/bin/agent0-converge"}} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	if s.ContestedAfter == 0 {
		s.ContestedAfter = 3
	}
}

// shortest is how long a run and the next are apart at least: what a person changes by hand, to try
// something, should not be gone before it was tried.
const shortest = time.Minute

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	var errs []error
	wrong := func(name string, err error) { errs = append(errs, &engine.AttributeError{Name: name, Err: err}) }
	switch every, err := span(s.Every); {
	case err != nil:
		wrong("every", err)
	case every < shortest:
		wrong("every", fmt.Errorf("%s is less than a minute, which would leave the host busy with itself", s.Every))
	}
	if _, err := span(s.RandomizedDelay); err != nil {
		wrong("randomized_delay", err)
	}
	if s.ContestedAfter < 1 {
		wrong("contested_after", errors.New("it is at least 1"))
	}
	if !path.IsAbs(s.Command) || path.Clean(s.Command) != s.Command || strings.ContainsAny(s.Command, " \t\n\"'\\%$;") {
		wrong("command", errors.New("it is the absolute path of a program, without spaces, quotes, % and $"))
	}
	return errors.Join(errs...)
}

// Expand declares the service and the timer.
func (s *Spec) Expand(inputs []engine.Addr) []engine.Declared {
	on := true
	out := []engine.Declared{
		{Addr: "unit.service", Kind: unit.Kind(), Inputs: inputs, Check: s.installed, Spec: &unit.Spec{
			Label: "service", Name: service, Unit: s.unitSection(), Service: s.serviceSection(),
		}},
		{Addr: "unit.timer", Kind: unit.Kind(), Inputs: inputs, DependsOn: []engine.Addr{"unit.service"}, Spec: &unit.Spec{
			Label: "timer", Name: timer, Enabled: &on, State: "running",
			Unit:    map[string]engine.List{"Description": {"When to put right what drifted from the plans of this host"}},
			Timer:   s.timerSection(),
			Install: map[string]engine.List{"WantedBy": {"timers.target"}},
		}},
	}
	for _, d := range out {
		if spec, ok := d.Spec.(engine.Defaulter); ok {
			spec.Default()
		}
	}
	return out
}

func (s *Spec) unitSection() map[string]engine.List {
	return map[string]engine.List{
		"Description": {"Put right what drifted from the plans of this host"},
		// Before the first apply there is nothing to go by, and that is no failure.
		"ConditionDirectoryNotEmpty": {engine.StateDir + "/last"},
	}
}

// serviceSection keeps the run out of the way of what the host is for. It may write anywhere, set any
// mode and start any program, so most of what services are usually denied is not.
func (s *Spec) serviceSection() map[string]engine.List {
	return map[string]engine.List{
		"Type":      {"oneshot"},
		"ExecStart": {s.Command + " apply --last --contested-after " + strconv.Itoa(s.ContestedAfter)},
		// 2 is that something was left alone: pending, contested, or without its secret.
		"SuccessExitStatus": {"2"},
		"TimeoutStartSec":   {"1h"},
		// By which a long download says that it is no hang.
		"NotifyAccess":      {"main"},
		"CPUWeight":         {"20"},
		"Nice":              {"10"},
		"IOSchedulingClass": {"idle"},
		"MemoryMax":         {"256M"},
		"LimitCORE":         {"0"},
		"LockPersonality":   {"true"},
		"RestrictRealtime":  {"true"},
		"KeyringMode":       {"private"},
		"UMask":             {"0022"},
	}
}

func (s *Spec) timerSection() map[string]engine.List {
	return map[string]engine.List{
		"OnBootSec":          {s.Every},
		"OnUnitActiveSec":    {s.Every},
		"RandomizedDelaySec": {s.RandomizedDelay},
	}
}

// installed finds out whether the agent is where the service looks for it.
func (s *Spec) installed(_ context.Context, v host.View) error {
	info, err := v.Files.Stat(s.Command)
	missing := func(what string) error {
		return &engine.NeedError{Claim: engine.PathClaim(s.Command), Err: fmt.Errorf(
			"%s %s: install the agent there (install -m 0755 agent0-converge %s), or say with command where it is", s.Command, what, s.Command)}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing("is not there")
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", s.Command, err)
	case info.Kind != host.File:
		return missing("is a " + info.Kind.String() + ", not a program")
	case info.Mode&0o111 == 0 && info.UID >= 0:
		return missing("cannot be executed")
	}
	return nil
}
