package main

import (
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/runtime/launch"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func (a *app) engineCmd() *cobra.Command {
	var path, fd, socket, dial string
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "Become the engine that computes for serve: the build that this CPU can run, confined",
		Args:  atMost(0, ""),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := spec.ReadRuntime(path)
			if err != nil {
				return err
			}
			var args []string
			switch {
			case fd != "":
				args = []string{"-fd", fd}
			case socket != "":
				args = []string{"-socket", socket}
			case dial != "":
				args = []string{"-dial", dial}
			}
			return launch.Exec(path, cfg, args...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "config", "/etc/agent0/server.json", "file with the configuration, the same as serve's")
	flags.StringVar(&fd, "fd", "", "descriptor of a connection to the front")
	flags.StringVar(&dial, "dial", "", "path of a socket where the front waits for the engine")
	flags.StringVar(&socket, "socket", "", "path of a socket to listen at, where systemd hands none over")
	return cmd
}
