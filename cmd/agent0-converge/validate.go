package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

func (a *app) validateCmd() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "validate [PLAN]",
		Short: "Check a plan without looking at the state of any host",
		Long: `validate evaluates the plan and reports every mistake at once. With --facts it does so for
a host that is not this one.`,
		Example: `  agent0-converge validate --json laptop.hcl     # diagnostics in OpenTofu's shape
  agent0-converge validate --facts falcon.json laptop.hcl`,
		Args: atMost(1, "PLAN"),
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(planPath(args), f) },
	}
	f.input(cmd)
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) validate(path string, f planFlags) error {
	if err := forbidWriting(); err != nil {
		return err
	}
	h, err := a.openHost(f.facts, watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	in, err := inputOf(path, h.Facts, f)
	if err != nil {
		return err
	}
	plan, diags := plans.Load(in)
	if !diags.HasErrors() {
		diags = append(diags, plans.Diagnostics(engine.Check(plan.Resources))...)
	}
	if diags.HasErrors() {
		return a.failed(diags, plan.Files())
	}
	if a.json {
		return a.writeJSON(validation(diags, plan.Files()))
	}
	a.diagnostics(diags, plan.Files())
	resources := "resources"
	if len(plan.Resources) == 1 {
		resources = "resource"
	}
	fmt.Fprintf(a.stdout, "The plan %q is valid: %d %s.\n", plan.Name, len(plan.Resources), resources)
	return nil
}
