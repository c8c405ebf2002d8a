package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/runtime/front"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
)

func (a *app) serveCmd() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a model over HTTP, with an engine of its own or one that systemd keeps",
		Long: `serve answers requests of OpenAI's API at the socket that systemd hands over, or at the address that the
configuration names. It is ready when the engine has generated a token. An engine that dies is replaced, and the
requests that it had go on.`,
		Args: atMost(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), path) },
	}
	cmd.Flags().StringVar(&path, "config", "/etc/agent0/server.json", "file with the configuration")
	return cmd
}

func (a *app) serve(ctx context.Context, path string) error {
	cfg, err := spec.ReadRuntime(path)
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(a.stderr, nil)))
	l, err := entrance(cfg.Server.Listen)
	if err != nil {
		return err
	}
	var start func(context.Context) (*supervise.Process, error)
	if len(cfg.Sockets) > 0 {
		start = supervise.Socket(cfg.Sockets[0])
	} else {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		start = supervise.Child(self, os.Environ(), "engine", "--config", path)
	}
	slog.Info("listening", "address", l.Addr().String())
	err = front.Run(ctx, cfg, l, start)
	if sig, ok := errors.AsType[*signalError](context.Cause(ctx)); ok && err == nil {
		slog.Info("all requests are answered", "stopped_by", sig.sig.String())
	}
	return err
}

// entrance is the socket that systemd hands over, or one of our own.
func entrance(address string) (net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	switch len(all) {
	case 0:
		return net.Listen("tcp", address)
	case 1:
		return all[0], nil
	}
	return nil, fmt.Errorf("systemd hands over %d sockets, and one is needed", len(all))
}
