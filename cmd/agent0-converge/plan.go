package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

func (a *app) planCmd() *cobra.Command {
	var (
		f        planFlags
		out      string
		detailed bool
		all      bool
	)
	cmd := &cobra.Command{
		Use:   "plan [PLAN]",
		Short: "Show what apply would change; change nothing",
		Long: `plan compares the plan with the host and shows every attribute that differs. It changes
nothing: before it looks at the host it gives up the right to write (Landlock), where the
kernel has that. PLAN is a file or a folder; without it, this folder.`,
		Example: `  agent0-converge plan laptop.hcl
  agent0-converge plan --detailed-exitcode .       # exit status 2 if something differs
  agent0-converge plan --out saved.json . && agent0-converge apply saved.json`,
		Args: atMost(1, "PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			differs, err := a.plan(cmd.Context(), planPath(args), f, out, all)
			if err == nil && differs && detailed {
				return &exitStatus{exitDiffers}
			}
			return err
		},
	}
	f.input(cmd)
	f.selection(cmd)
	a.jsonFlag(cmd)
	cmd.Flags().StringVar(&out, "out", "", "also save the plan to this file, for apply")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit status 2 if something differs")
	cmd.Flags().BoolVar(&all, "all", false, "also show what is the same")
	return cmd
}

// plan shows, and saves, what differs.
func (a *app) plan(ctx context.Context, path string, f planFlags, out string, all bool) (differs bool, err error) {
	save, err := openSaved(out)
	if err != nil {
		return false, err
	}
	defer save.discard()
	if err := forbidWriting(); err != nil {
		return false, err
	}
	s, err := a.open(path, f, watchers{})
	if err != nil {
		return false, err
	}
	defer s.host.Close()
	p, err := a.changes(ctx, s, s.journal)
	if err != nil {
		return false, err
	}
	if err := a.showPlan(s, p, all); err != nil {
		return false, err
	}
	differs, broken := false, false
	for _, c := range p.Changes {
		differs = differs || c.Action != engine.NoOp && c.Action != engine.Defer
		broken = broken || c.Action == engine.Broken
	}
	if broken {
		return differs, &exitStatus{exitError}
	}
	return differs, save.write(a, s, p)
}

func (a *app) showPlan(s *session, p *engine.Plan, all bool) error {
	if a.json {
		return a.writeJSON(planDocument(s.host.Facts, p))
	}
	t := a.text()
	t.all = all
	t.header(s.host.Facts, a.rootDir)
	t.interrupted(s.journal.Interrupted())
	for _, c := range p.Changes {
		t.change(c, "")
	}
	t.planned(p)
	a.outputs(s.plan)
	return nil
}

// The JSON of plan and drift.
type jsonPlan struct {
	FormatVersion string          `json:"format_version"`
	Plan          string          `json:"plan"`
	Host          host.Facts      `json:"host"`
	Changes       []engine.Result `json:"changes"`
	Summary       map[string]int  `json:"summary"`
}

func planDocument(f host.Facts, p *engine.Plan) jsonPlan {
	out := jsonPlan{FormatVersion: "1.0", Plan: p.Name, Host: f, Changes: []engine.Result{}, Summary: map[string]int{}}
	for _, c := range p.Changes {
		out.Changes = append(out.Changes, engine.Result{Change: c, Err: c.Err})
		out.Summary[string(c.Action)]++
	}
	return out
}
