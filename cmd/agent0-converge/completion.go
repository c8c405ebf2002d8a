package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// completionCmd writes a shell's script for completion. Unlike cobra's own, it fails for a shell that
// it does not know.
func (a *app) completionCmd() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write the script with which a shell completes commands and flags",
		Example: `  source <(agent0-converge completion bash)
  agent0-converge completion zsh > "${fpath[1]}/_agent0-converge"
  agent0-converge completion fish > ~/.config/fish/completions/agent0-converge.fish`,
		ValidArgs: shells,
		Args:      atMost(1, "SHELL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			write := map[string]func(io.Writer) error{
				"bash":       func(w io.Writer) error { return cmd.Root().GenBashCompletionV2(w, true) },
				"zsh":        cmd.Root().GenZshCompletion,
				"fish":       func(w io.Writer) error { return cmd.Root().GenFishCompletion(w, true) },
				"powershell": cmd.Root().GenPowerShellCompletionWithDesc,
			}[strings.Join(args, "")]
			if write == nil {
				return fmt.Errorf("completion takes a shell: %s", strings.Join(shells, ", "))
			}
			return write(a.stdout)
		},
	}
}
