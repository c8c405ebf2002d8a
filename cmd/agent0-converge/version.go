package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func (a *app) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of the formats that it writes",
		Args:  atMost(0, ""),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return json.NewEncoder(a.stdout).Encode(map[string]any{
					"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
					"journal_format": journal.Format, "saved_plan_format": savedFormat,
				})
			}
			_, err := fmt.Fprintf(a.stdout, "agent0-converge %s (%s/%s, %s)\njournal format %d, saved plan format %d\n",
				version, runtime.GOOS, runtime.GOARCH, runtime.Version(), journal.Format, savedFormat)
			return err
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func (a *app) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.json, "json", false, "write JSON")
}
