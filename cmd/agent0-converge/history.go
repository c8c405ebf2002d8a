package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func (a *app) historyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the runs that changed this host: who, when, which plan, how it ended",
		Args:  atMost(0, ""),
		RunE: func(*cobra.Command, []string) error {
			return a.readJournal(func(j *journal.Journal) error {
				runs, err := j.History()
				if err != nil {
					return err
				}
				if a.json {
					return a.writeJSON(map[string]any{"format_version": "1.0", "runs": append([]journal.RunInfo{}, runs...)})
				}
				return a.history(runs)
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) history(runs []journal.RunInfo) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No run has changed this host.")
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tWHEN\tWHO\tVERB\tPLAN\tDIGEST\tRESULT\tCHANGES")
	for _, r := range runs {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%.12s\t%s\t%s\n", r.ID, r.Began.Local().Format(time.DateTime), r.User, r.Verb,
			orElse(r.Plan, "-"), orElse(r.Digest, "-"), resultWord(r), countWords(r.Counts))
	}
	return w.Flush()
}

// resultWord is how a run ended. That its change was taken back counts for more than how the run itself fared.
func resultWord(r journal.RunInfo) string {
	word := string(r.Result)
	if word == "" {
		word = "cut short or at work"
	}
	switch {
	case r.Mark == nil:
	case r.Mark.Mark == engine.Reverted:
		word = string(engine.Reverted)
	default:
		word += ", " + string(r.Mark.Mark)
	}
	return word
}

func countWords(c journal.Counts) string {
	s := fmt.Sprintf("%d changed", c.Changed)
	for _, n := range []struct {
		n    int
		word string
	}{{c.Failed, "failed"}, {c.Cut, "cut short"}, {c.Settled, "settled"}} {
		if n.n > 0 {
			s += fmt.Sprintf(", %d %s", n.n, n.word)
		}
	}
	return s
}
