//go:build llama

package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/door"
	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// What the linker sets: the version, and for which CPUs the C and C++ code was compiled.
var version, build = "unknown", "unknown"

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error("the engine ends", "error", err)
		os.Exit(1)
	}
}

// lonely is how long an engine behind a socket stays without a front: one that is started again is back much sooner.
const lonely = 2 * time.Minute

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("agent0-engine", flag.ContinueOnError)
	path := flags.String("config", "", "file with the configuration, as JSON")
	var at door.At
	flags.StringVar(&at.Socket, "socket", "", "path of a socket to listen at, where systemd hands none over")
	flags.StringVar(&at.Listen, "listen", "", "descriptor of a socket to listen at")
	flags.StringVar(&at.Dial, "dial", "", "path of a socket where the front waits, instead of one to listen at")
	flags.StringVar(&at.FD, "fd", "", "descriptor of a connection to the front, instead of a socket")
	probe := flags.String("probe", "", "library of a backend to try, and nothing else: what came of it is written to the standard output")
	var up upper
	flags.StringVar(&up.library, "backend", "", "library of the backend that computes, instead of the CPU")
	flags.StringVar(&up.trials, "trials", "", "file in which the use of the backend is noted until a token was generated")
	flags.BoolVar(&up.lower, "lower", false, "end, when there is nothing to do, after the machine was suspended: a better backend may work then")
	var degraded []string
	flags.Func("degraded", "what this engine could have and has not, in words (again for more)", func(s string) error {
		degraded = append(degraded, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *probe != "" {
		llama.Init(logged)
		return prove(*probe)
	}
	all, err := spec.ReadRuntime(*path)
	cfg := all.Engine
	if err != nil {
		return err
	}
	digest, err := cfg.Digest()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	llama.Init(logged)
	s := &session.Server{Lonely: lonely, Hello: wire.Hello{
		Protocol: wire.Version, Version: version, PID: os.Getpid(), Build: build, Features: llama.Features(),
		Config: digest, Degraded: degraded,
	}}
	ended := make(chan error, 1)
	listen, err := door.Open(at)
	if err != nil {
		return err
	}
	go func() {
		err := listen(ctx, s)
		cancel(err)
		ended <- err
	}()
	guard := &watchdog{lower: up.lower, stall: cfg.Stall}
	// A step that never ends keeps this process from ending too: it is watched until the last has ended, even if its front is gone.
	guarded, rest := context.WithCancel(context.WithoutCancel(ctx))
	defer rest()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		guard.run(guarded)
	}()
	e := &engine{cfg: cfg, session: s, watchdog: guard, degraded: degraded, upper: up}
	err = e.run(ctx)
	cancel(err)
	rest()
	<-watched
	return told(err, <-ended)
}

// told leaves out what only follows from being asked to end. That the front asked is no failure, whatever it broke off.
func told(errs ...error) error {
	var all error
	for _, err := range errs {
		if errors.Is(err, session.ErrEnd) {
			return nil
		}
		if !errors.Is(err, context.Canceled) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// logged passes on what llama.cpp says that matters.
func logged(l llama.Level, line string) {
	switch l {
	case llama.LevelError:
		slog.Error(line, "from", "llama.cpp")
	case llama.LevelWarn:
		slog.Warn(line, "from", "llama.cpp")
	case llama.LevelDebug, llama.LevelInfo, llama.LevelNone, llama.LevelContinued:
		slog.Debug(line, "from", "llama.cpp")
	}
}
