package main

import (
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

func (a *app) schemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of plans in JSON, for editors",
		Long: `schema writes a JSON Schema (2020-12) of plans that are written in JSON (*.hcl.json): all kinds
with what "explain" says of them, and the blocks of the language itself. Editors complete and check
such plans with it.`,
		Example: `  agent0-converge schema > plan.schema.json`,
		Args:    atMost(0, "argument"),
		RunE: func(*cobra.Command, []string) error {
			kinds, err := reference.Kinds()
			if err != nil {
				return err
			}
			schema, err := plans.JSONSchema(all.Kinds(), reference.About(kinds))
			if err != nil {
				return err
			}
			return a.writeJSON(schema)
		},
	}
}
