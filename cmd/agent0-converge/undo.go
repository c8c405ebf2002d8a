package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func (a *app) undoCmd() *cobra.Command {
	var (
		r      runFlags
		to     int
		force  bool
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Restore what was there before the last run, or before an earlier one",
		Long: `undo takes back what the last run changed: bytes, owner, mode, attributes and absence. It
changes nothing if something is no longer as the run left it, unless --force. It is a run
itself: undoing it brings back what it took back.`,
		Example: `  agent0-converge undo
  agent0-converge undo --to 12        # as it was before run 12
  agent0-converge undo --dry-run      # show what it would do`,
		Args: atMost(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.undo(cmd.Context(), to, force, dryRun, r)
		},
	}
	r.add(cmd)
	a.jsonFlag(cmd)
	cmd.Flags().StringVar(&r.secrets, "secrets", "vault", `"digest-only" keeps no old secret for undo; so it is with --root`)
	cmd.Flags().IntVar(&to, "to", 0, "go back to before this run (see history)")
	cmd.Flags().BoolVar(&force, "force", false, "also take back what somebody changed since, and leave what cannot be taken back")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing")
	return cmd
}

func (a *app) undo(ctx context.Context, to int, force, dryRun bool, f runFlags) (err error) {
	if err := checkConfirmTimeout(f.confirmTimeout); err != nil {
		return err
	}
	calls := &relay{}
	h, err := a.openHost("", watchers{ran: calls.ran})
	if err != nil {
		return err
	}
	defer h.Close()
	j, err := a.openJournal(h)
	if err != nil {
		return err
	}
	again := commandLine(os.Args)
	if to == 0 {
		if to, err = last(j); err != nil {
			return err
		}
		again += " --to " + strconv.Itoa(to)
	}
	planner := engine.Planner{View: h.View(), Ledger: j, Kinds: kindNamed, Force: force}
	if dryRun {
		return a.previewUndo(ctx, h.Facts, planner, j, to)
	}
	rec, err := a.start(ctx, h, j, journal.Info{Verb: "undo", To: to}, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	calls.to = rec.Call
	planner.Ledger = rec
	p, err := planUndo(ctx, planner, rec.Journal, to)
	if err != nil {
		return err
	}
	if err := refused(p); err != nil && !force {
		return err
	}
	return a.converge(ctx, convergence{run: rec, host: h, plan: p, flags: f, again: again, undo: true})
}

// previewUndo shows what undo would do, and fails where it would refuse.
func (a *app) previewUndo(ctx context.Context, f host.Facts, planner engine.Planner, j *journal.Journal, to int) error {
	p, err := planUndo(ctx, planner, j, to)
	if err != nil {
		return err
	}
	if err := a.showUndo(f, p); err != nil {
		return err
	}
	if refused(p) != nil {
		return &exitStatus{exitError}
	}
	return nil
}

// last is the last run that changed something. Where that is an undo that did not get through, to
// go on and to turn round are both likely to be meant, so it asks.
func last(j *journal.Journal) (int, error) {
	runs, err := j.History()
	if err != nil {
		return 0, err
	}
	changed := slices.DeleteFunc(runs, func(r journal.RunInfo) bool { return r.Counts == journal.Counts{} })
	if len(changed) == 0 {
		return 0, errors.New("there is nothing to undo: no run has changed this host")
	}
	run := changed[len(changed)-1]
	if run.Verb != "undo" || run.Result == journal.Converged {
		return run.ID, nil
	}
	return 0, fmt.Errorf("run %d, the last one, was an undo that did not get through. To go on with it: undo --to %d. To take back what it did: undo --to %d",
		run.ID, run.To, run.ID)
}

func planUndo(ctx context.Context, planner engine.Planner, j *journal.Journal, to int) (*engine.Plan, error) {
	past, err := j.Past(to)
	if err != nil {
		return nil, err
	}
	if len(past) == 0 {
		return nil, errors.New("there is nothing to undo: no run has changed this host")
	}
	return planner.Undo(ctx, past)
}

// refused returns everything that stands in the way: an undo is whole or not at all.
func refused(p *engine.Plan) error {
	var errs []error
	for _, c := range p.Changes {
		if c.Action == engine.Broken {
			errs = append(errs, c.Err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	var stale *engine.StaleError
	hint := "\nTo take back the rest: undo --force"
	if errors.As(errors.Join(errs...), &stale) {
		hint = "\nTo take it back all the same: undo --force"
	}
	return fmt.Errorf("cannot undo, and nothing was changed:\n%w%s", errors.Join(errs...), hint)
}
