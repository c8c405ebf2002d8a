package main

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// app is one invocation: where it reads and writes, and what its flags say.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time

	rootDir string
	noColor bool
	json    bool

	toldFound bool // what an interrupted run left
}

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent0-converge",
		Short: "Converge a machine to a plan, prove it, and take it back",
		Long: `agent0-converge reads a plan (HCL), compares it with this machine or with an image
tree, makes what differs so, and proves it by reading again. Every change is recorded
before it is made: a run that was cut short is finished by the next one, and undo
restores what was there before, byte for byte.`,
		Example: `  agent0-converge plan laptop.hcl             # what would change; changes nothing
  agent0-converge apply laptop.hcl            # change it
  agent0-converge undo                        # take the last run back
  agent0-converge apply --root /mnt laptop.hcl # converge an image tree`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// An empty shell variable must not turn an image's plan loose on this machine.
			if a.rootDir == "" && cmd.Flags().Changed("root") {
				return errors.New("--root is empty: name a folder, or leave --root out to mean this machine")
			}
			return nil
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetHelpCommand(helpCmd())
	cmd.SetIn(a.stdin)
	cmd.SetOut(a.stdout)
	cmd.SetErr(a.stderr)
	flags := cmd.PersistentFlags()
	flags.StringVar(&a.rootDir, "root", "", "folder that takes the place of / (an image tree)")
	flags.BoolVar(&a.noColor, "no-color", false, "plain text also on a terminal (as NO_COLOR does)")
	cmd.AddCommand(
		a.planCmd(), a.applyCmd(), a.undoCmd(), a.confirmCmd(), a.takeBackCmd(), a.driftCmd(), a.statusCmd(), a.validateCmd(), a.graphCmd(), a.fmtCmd(),
		a.modelsCmd(), a.runCmd(), a.serveCmd(), a.engineCmd(), a.showCmd(), a.historyCmd(), a.explainCmd(), a.schemaCmd(), a.versionCmd(), a.completionCmd(),
	)
	return cmd
}

func (a *app) text() text {
	return text{w: a.stdout, style: styleFor(a.stdout, a.noColor)}
}
