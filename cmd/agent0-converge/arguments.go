package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// atMost takes no more than n arguments, each of which is what.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) <= n:
			return nil
		case n == 0:
			return fmt.Errorf("%s takes no argument, and was given %q; see %q", cmd.Name(), args[0], cmd.CommandPath()+" --help")
		}
		return fmt.Errorf("%s takes one %s, and was given %d: %s", cmd.Name(), what, len(args), strings.Join(args, " "))
	}
}

// exactly takes n arguments, which are what.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s takes %s, and was given %d arguments; see %q", cmd.Name(), what, len(args), cmd.CommandPath()+" --help")
		}
		return nil
	}
}

// noCommand is the error for an argument that names no command.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	if !cmd.HasSubCommands() {
		cmd = cmd.Root()
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := didYouMean(args[0], names)
	if hint == "" {
		hint = fmt.Sprintf("; there are: %s", strings.Join(names, ", "))
	}
	return fmt.Errorf("there is no command %q%s", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], cmd.Root().Name()+" "), hint)
}

// helpCmd shows the help of a command. Unlike cobra's own, it fails if there is no such command.
func helpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noCommand(cmd, args)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// flagError says what to do about a flag that does not exist or has no such value.
func flagError(cmd *cobra.Command, err error) error {
	see := fmt.Sprintf("; see %q", cmd.CommandPath()+" --help")
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		what := map[string]string{"duration": `a duration such as "30s"`, "int": "a whole number", "bool": "true or false"}
		f := wrong.GetFlag()
		return fmt.Errorf("--%s is %s, not %q%s", f.Name, what[f.Value.Type()], wrong.GetValue(), see)
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		return fmt.Errorf("%w%s", err, cmp.Or(didYouMean(unknown.GetSpecifiedName(), names), see))
	}
	return fmt.Errorf("%w%s", err, see)
}
