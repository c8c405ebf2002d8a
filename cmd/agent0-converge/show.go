package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func (a *app) showCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [RUN | SAVED]",
		Short: "Show a run (every change, program and call), a saved plan, or what is managed",
		Example: `  agent0-converge show          # what the plans of this host manage
  agent0-converge show 12       # run 12
  agent0-converge show saved.json`,
		Args: atMost(1, "RUN or SAVED"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if id, err := strconv.Atoi(args[0]); err == nil {
					return a.showRun(id)
				}
				return a.showSaved(args[0])
			}
			return a.showManaged()
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) showRun(id int) error {
	return a.readJournal(func(j *journal.Journal) error {
		run, err := j.Show(id)
		if err != nil {
			return err
		}
		if a.json {
			return a.writeJSON(map[string]any{"format_version": "1.0", "run": pastRunDocument(run)})
		}
		fmt.Fprintf(a.stdout, "run %d · %s · %s · %s · %s\n", run.ID, what(run.Info), run.User,
			run.Began.Local().Format(time.DateTime), resultWord(run.RunInfo))
		fmt.Fprintf(a.stdout, "%s\n", strings.Join(run.Args, " "))
		if run.Mark != nil && run.Mark.Why != "" {
			fmt.Fprintf(a.stdout, "%s: %s\n", run.Mark.Mark, visible(run.Mark.Why))
		}
		fmt.Fprintln(a.stdout)
		t := a.text()
		for _, c := range run.Changes {
			t.past(c)
		}
		t.calls(run.Calls)
		fmt.Fprintf(a.stdout, "\n%s.\n", countWords(run.Counts))
		return nil
	})
}

// what names a run: its verb and, if it had one, its plan.
func what(i journal.Info) string { return strings.Join(nonEmpty(i.Verb, i.Plan), " ") }

// past writes one change of an earlier run.
func (t text) past(c *journal.RunChange) {
	m := marks[c.Action]
	note := took(c.Took)
	switch {
	case c.Settled:
		note = "settled"
	case !c.Ended:
		note = "cut short"
	case c.Error != "":
		note = "failed"
	}
	line := fmt.Sprintf("  %s %s %s %s", m.sign, pad(string(c.Addr), 32), pad(string(c.Action), 9), strings.Join(nonEmpty(note, c.Why), "  "))
	fmt.Fprintln(t.w, t.style.paint(m.colour, line))
	t.fields(c.Fields)
	if c.Error != "" {
		fmt.Fprintf(t.w, "      %s\n", t.style.paint(red, visible(strings.ReplaceAll(c.Error, "\n", "\n      "))))
	}
	t.calls(c.Calls)
}

func (t text) calls(calls []journal.Call) {
	for _, c := range calls {
		fmt.Fprintf(t.w, "      $ %s   exit %d, %s\n", visible(strings.Join(c.Argv, " ")), c.Exit, took(c.Took))
		if out := strings.TrimSpace(c.Output); out != "" {
			fmt.Fprintf(t.w, "        %s\n", visible(strings.ReplaceAll(out, "\n", "\n        ")))
		}
	}
}

func (a *app) showSaved(name string) error {
	if _, err := os.Stat(name); err != nil {
		return fmt.Errorf("cannot show %s: it is neither the number of a run nor a saved plan", name)
	}
	saved, err := readSaved(name)
	if err != nil {
		return err
	}
	if saved == nil {
		return fmt.Errorf("cannot show %s: it is not a saved plan", name)
	}
	if a.json {
		return a.writeJSON(saved)
	}
	fmt.Fprintf(a.stdout, "saved plan %q of %s, made %s\n\n", saved.Name, saved.Path, saved.Created.Local().Format(time.DateTime))
	for _, c := range saved.Resources {
		if c.Action != engine.NoOp {
			fmt.Fprintf(a.stdout, "  %s %s %s\n", marks[c.Action].sign, pad(string(c.Addr), 32), c.Action)
		}
	}
	return nil
}
