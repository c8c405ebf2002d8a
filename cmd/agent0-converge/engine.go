package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/runtime/door"
	"github.com/agent0-converge/agent0-converge/runtime/launch"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func (a *app) engineCmd() *cobra.Command {
	var path, probe string
	var at door.At
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "Become the engine that computes for serve: the build that this CPU can run, confined",
		Args:  atMost(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := spec.ReadRuntime(path)
			if err != nil {
				return err
			}
			slog.SetDefault(slog.New(slog.NewJSONHandler(a.stderr, nil)))
			if probe != "" {
				return launch.Probe(path, cfg, probe)
			}
			return launch.Exec(cmd.Context(), path, cfg, at)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "config", "/etc/agent0/server.json", "file with the configuration, the same as serve's")
	flags.StringVar(&at.FD, "fd", "", "descriptor of a connection to the front")
	flags.StringVar(&at.Dial, "dial", "", "path of a socket where the front waits for the engine")
	flags.StringVar(&at.Socket, "socket", "", "path of a socket to listen at, where systemd hands none over")
	flags.StringVar(&probe, "probe", "", "library of a backend to try, and nothing else")
	flags.Lookup("probe").Hidden = true // it is how this command starts itself
	return cmd
}
