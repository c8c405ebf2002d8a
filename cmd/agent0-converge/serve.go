package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

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
requests that it had go on.

On SIGHUP it reads the configuration again. What is the engine's takes effect without a break: a second engine is started,
takes over once it has generated a token, and the one before ends what it has begun. If that fails, the one before stays.`,
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
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := func(config string) supervise.Place {
		return supervise.Child(self, os.Environ(), "engine", "--config", config)
	}
	slog.Info("listening", "address", l.Addr().String())
	reload := make(chan os.Signal, 1)
	signal.Ignore(syscall.SIGHUP) // else it ends this process, as it does other commands
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	err = front.Run(ctx, front.Options{File: path, Config: cfg, Reload: reload, Listener: l, Child: child})
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
