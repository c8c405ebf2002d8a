package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// runFlags are the flags of the commands that change a host.
type runFlags struct {
	autoApprove bool
	allowPrune  bool
	lockTimeout time.Duration
	secrets     string
	// confirmTimeout is how long a confirmation is waited for.
	confirmTimeout time.Duration
}

func (f *runFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.autoApprove, "auto-approve", false, "do not ask, also on a terminal")
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 0, "how long to wait for another run on this root to end")
	flags.DurationVar(&f.confirmTimeout, "confirm-timeout", confirmDefault, "how long a change that might lock you out waits to be confirmed")
}

func (a *app) applyCmd() *cobra.Command {
	var (
		f planFlags
		r runFlags
		l lastFlags
	)
	cmd := &cobra.Command{
		Use:   "apply [PLAN | SAVED | --last [NAME]]",
		Short: "Make what differs so, and prove it",
		Long: `apply makes what plan shows. Every change is recorded before it is made and read again after.
It asks only on a terminal. A resource that fails stops what depends on it and nothing else.
SIGINT and SIGTERM end the run after the change at hand; exit status 130 or 143.

A change of the firewall that might keep new connections to sshd out is made in what runs alone, and goes back, at once
with SIGINT and SIGTERM, unless a new connection is found to be let in or the change is confirmed (see confirm).

With --last it goes by a copy of what the last apply of the plan NAME, or of every plan, was made from,
and puts right what drifted since. What is pending, contested or lacks a secret it leaves alone: exit
status 2 then. It never asks, and never removes what a plan no longer has.`,
		Example: `  agent0-converge apply laptop.hcl
  agent0-converge apply --root /mnt/image laptop.hcl
  agent0-converge apply saved.json              # refuses if the host has moved
  agent0-converge apply --last                  # puts right what drifted; for timers`,
		Args: atMost(1, "PLAN or SAVED"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.check(cmd); err != nil {
				return err
			}
			if l.last {
				if !cmd.Flags().Changed("lock-timeout") {
					r.lockTimeout = lastWait
				}
				return a.applyLast(cmd.Context(), args, f, r, l)
			}
			return a.apply(cmd.Context(), planPath(args), f, r)
		},
	}
	f.input(cmd)
	f.selection(cmd)
	r.add(cmd)
	l.add(cmd)
	a.jsonFlag(cmd)
	cmd.Flags().BoolVar(&r.allowPrune, "allow-prune", false, "off a terminal: remove also users, models or more than half of what the plan had")
	return cmd
}

func (a *app) apply(ctx context.Context, path string, f planFlags, r runFlags) (err error) {
	if err := checkConfirmTimeout(r.confirmTimeout); err != nil {
		return err
	}
	r.secrets = f.secrets
	saved, err := readSaved(path)
	if err != nil {
		return err
	}
	if saved != nil {
		if err := saved.adopt(a, &f); err != nil {
			return err
		}
		path = saved.Path
	}
	if f.missingSecrets == "ok" {
		return errors.New("--missing-secrets=ok is for plan: apply needs the secrets")
	}
	calls := &relay{}
	s, err := a.open(path, f, watchers{ran: calls.ran})
	if err != nil {
		return err
	}
	defer s.host.Close()
	ahead := &ahead{app: a, s: s, flags: r, calls: calls}
	err = ahead.run(ctx, journal.Info{Verb: "apply", Plan: s.plan.Name, Digest: s.plan.Digest}, func(rec *journal.Recording) (bool, error) {
		return a.applyLocked(ctx, s, saved, rec, ahead)
	})
	if err == nil && !a.json {
		a.outputs(s.plan)
	}
	return err
}

// applyLocked plans and applies that, unless something is to be got first.
func (a *app) applyLocked(ctx context.Context, s *session, saved *savedPlan, rec *journal.Recording, ahead *ahead) (again bool, err error) {
	p, err := a.changes(ctx, s, rec)
	if err != nil {
		return false, err
	}
	if saved != nil {
		if err := saved.holds(s, s.planner(rec), p); err != nil {
			return false, err
		}
	}
	c := convergence{run: rec, host: s.host, plan: p, flags: ahead.flags, strict: saved != nil, again: commandLine(os.Args), ahead: ahead}
	if err := ahead.approved(ctx, c, s.planner(rec)); err != nil {
		return false, err
	}
	if ahead.awaits(p) {
		return true, nil
	}
	k, err := a.keep(s, rec, p)
	if err != nil {
		return false, err
	}
	c.ended = k.ended
	return false, a.converge(ctx, c)
}
