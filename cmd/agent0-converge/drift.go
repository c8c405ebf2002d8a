package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
)

func (a *app) driftCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "drift [PLAN]",
		Short: "Tell drift (the host moved) from pending changes (the plan moved); change nothing",
		Long: `drift compares the plan with the host and with what the last run left there. Exit status 2
if something differs, 0 if nothing does.`,
		Example: `  agent0-converge drift laptop.hcl
  agent0-converge drift --json laptop.hcl | jq '.changes[] | select(.fields[]?.cause == "drift") | .address'`,
		Args: atMost(1, "PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.drift(cmd.Context(), planPath(args), f)
		},
	}
	f.input(cmd)
	f.selection(cmd)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) drift(ctx context.Context, path string, f planFlags) error {
	if err := forbidWriting(); err != nil {
		return err
	}
	s, err := a.open(path, f, watchers{})
	if err != nil {
		return err
	}
	defer s.host.Close()
	p, err := a.changes(ctx, s, s.journal)
	if err != nil {
		return err
	}
	found, err := a.causes(s, p)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.writeJSON(planDocument(s.host.Facts, p)); err != nil {
			return err
		}
	} else {
		a.showDrift(s, p, found)
	}
	switch {
	case found.broken > 0:
		return &exitStatus{exitError}
	case found.drifted+found.pending > 0:
		return &exitStatus{exitDiffers}
	}
	return nil
}

// differences counts resources by who moved.
type differences struct{ drifted, pending, broken, deferred int }

func (d differences) all() int { return d.drifted + d.pending + d.broken + d.deferred }

func (a *app) causes(s *session, p *engine.Plan) (differences, error) {
	var d differences
	planner := s.planner(s.journal)
	for _, c := range p.Changes {
		switch c.Action {
		case engine.NoOp:
			continue
		case engine.Defer:
			d.deferred++
			continue
		case engine.Broken:
			d.broken++
			continue
		}
		cause, err := planner.Causes(c)
		if err != nil {
			return d, err
		}
		c.Cause = cause
		if cause == engine.Drifted {
			d.drifted++
		} else {
			d.pending++
		}
	}
	return d, nil
}

func (a *app) showDrift(s *session, p *engine.Plan, d differences) {
	t := a.text()
	t.header(s.host.Facts, a.rootDir)
	t.interrupted(s.journal.Interrupted())
	words := map[engine.Cause]string{engine.Drifted: "drift: the host moved", engine.Pending: "pending: the plan changed"}
	for _, c := range p.Changes {
		t.change(c, words[c.Cause])
	}
	if slices.ContainsFunc(p.Changes, t.shows) {
		fmt.Fprintln(a.stdout)
	}
	fmt.Fprintf(a.stdout, "%d drifted, %d pending, %d same", d.drifted, d.pending, len(p.Changes)-d.all())
	if d.deferred > 0 {
		fmt.Fprintf(a.stdout, ", %d deferred to first boot", d.deferred)
	}
	if d.broken > 0 {
		fmt.Fprintf(a.stdout, ", %d could not be compared", d.broken)
	}
	fmt.Fprintln(a.stdout, ".")
}
