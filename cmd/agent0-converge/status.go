package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/engine/tally"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
)

func (a *app) statusCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the last run of every plan on this host went",
		Long: `status shows, for every plan, its last run, what had drifted, what was put right and what is
contested. Exit status 1 if a run did not converge or something is contested, 0 otherwise.`,
		Example: `  agent0-converge status
  agent0-converge status --json | jq '.plans[] | select(.contested != [])'`,
		Args: atMost(0, ""),
		RunE: func(*cobra.Command, []string) error { return a.status() },
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) status() error {
	h, err := a.openHost("", watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	s, err := readStatus(h.Files.Tree)
	if err != nil {
		return err
	}
	unreadable := a.earlier(h, &s)
	if a.json {
		err = a.writeJSON(s)
	} else {
		err = a.showStatus(s)
	}
	if err = errors.Join(err, unreadable); err == nil && slices.ContainsFunc(s.Plans, func(p planStatus) bool { return p.bad() }) {
		return &exitStatus{exitError}
	}
	return err
}

// earlier adds the plans that had no run since the system was started. What only root may know is
// left out for others.
func (a *app) earlier(h *host.Host, s *hostStatus) error {
	known, damaged := bundle.List(h.Files.Tree)
	if errors.Is(damaged, fs.ErrPermission) {
		return nil
	}
	j, err := a.openJournal(h)
	if err != nil {
		return err
	}
	runs, err := j.History()
	if err != nil {
		return err
	}
	counts, err := tally.Read(h.Files.Tree)
	if err != nil {
		return err
	}
	for _, m := range known {
		if slices.ContainsFunc(s.Plans, func(p planStatus) bool { return p.Plan == m.Name }) {
			continue
		}
		p := planStatus{Plan: m.Name, Result: journal.Converged, Resources: len(j.Owned(m.Name))}
		for _, run := range runs {
			if run.Plan == m.Name {
				p.Verb, p.Run, p.Began, p.Ended, p.Result = run.Verb, run.ID, run.Began, run.Ended, run.Result
				p.Changed, p.Failed = run.Changed, run.Failed+run.Cut
			}
		}
		p.contested(counts.Contested(m.Name))
		s.put(p)
	}
	return damaged
}

func (a *app) showStatus(s hostStatus) error {
	if len(s.Plans) == 0 {
		fmt.Fprintln(a.stdout, "No plan was applied on this host.")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLAN\tLAST RUN\tBY\tRESULT\tDRIFTED\tCHANGED\tFAILED\tLEFT ALONE\tCONTESTED")
	for _, p := range s.Plans {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", p.Plan, moment(p.Ended), orElse(p.Verb, "-"), orElse(string(p.Result), "cut short"),
			len(p.Drift), p.Changed, p.Failed, len(p.LeftAlone), len(p.Contested))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range s.Plans {
		a.showPlanStatus(p)
	}
	return nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// showPlanStatus says what the table counts.
func (a *app) showPlanStatus(p planStatus) {
	if p.Error != "" {
		fmt.Fprintf(a.stdout, "\nplan %s: the run failed\n  %s\n", p.Plan, visible(p.Error))
	}
	if c := p.Corrected; c != nil {
		fmt.Fprintf(a.stdout, "\nplan %s: run %d put right what had drifted, %s\n", p.Plan, c.Run, moment(c.Ended))
		for _, d := range c.Drift {
			fmt.Fprintf(a.stdout, "  %s\n", d)
		}
	}
	for _, group := range []struct {
		word    string
		changes []statusChange
	}{{"contested", p.Contested}, {"left alone", p.LeftAlone}} {
		for _, c := range group.changes {
			fmt.Fprintf(a.stdout, "\nplan %s: %s is %s\n", p.Plan, c, group.word)
			if c.Why != "" {
				fmt.Fprintf(a.stdout, "  %s\n", visible(c.Why))
			}
		}
	}
}
