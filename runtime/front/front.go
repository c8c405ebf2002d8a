// Package front is the process that clients speak to: the HTTP front, and the supervision of the engine behind it. It tells
// systemd that it is ready when the engine has generated a token, and not before.
package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/agent0-converge/agent0-converge/runtime/server"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Run serves at a listener until the context ends and requests are answered or have had their time. start starts or finds
// engines.
func Run(ctx context.Context, cfg spec.Runtime, l net.Listener, start func(context.Context) (*supervise.Process, error)) error {
	keys, err := keys(&cfg.Server)
	if err != nil {
		return err
	}
	super := supervise.DefaultConfig()
	super.Start, super.Hang = start, cfg.Hang
	engine := supervise.New(super)
	s, err := server.New(cfg.Server, server.Options{Engine: engine, Grammars: server.DefaultGrammars(), Keys: keys, Log: slog.Default()})
	if err != nil {
		return err
	}
	// The engine outlives the listening: what is still being answered needs it.
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	work.Go(func() { engine.Run(last) })
	work.Go(func() { notify(ctx, last, engine) })
	err = s.Serve(ctx, l)
	stop()
	work.Wait()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("requests were still being answered after %v and were ended", cfg.Server.Drain)
	}
	return err
}

func keys(cfg *spec.Server) (server.Keys, error) {
	file := cfg.KeysFile
	if cfg.KeysCredential != "" {
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return server.Keys{}, fmt.Errorf("cannot read the API keys: systemd hands over no credential %s (LoadCredential=)", cfg.KeysCredential)
		}
		file = filepath.Join(dir, cfg.KeysCredential)
	}
	if file == "" {
		return server.Keys{}, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return server.Keys{}, fmt.Errorf("cannot read the API keys: %w", err)
	}
	k, err := server.ParseKeys(string(b))
	if err != nil {
		return server.Keys{}, fmt.Errorf("cannot read the API keys in %s: %w", file, err)
	}
	return k, nil
}

// How often systemd is told how things are, and how much longer it is asked to wait for a model that is being loaded.
const (
	tellEvery = time.Second
	extend    = 30 * time.Second
)

// notify tells systemd how things are, as far as it listens: ready once a token was generated, stopping when ctx ends, and
// that this process is alive until last does.
func notify(ctx, last context.Context, engine *supervise.Supervisor) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	ready, said := false, ""
	stopping := ctx.Done()
	for {
		st := engine.Status()
		state := daemon.SdNotifyWatchdog
		if st.Ready != nil && !ready {
			state, ready = state+"\n"+daemon.SdNotifyReady, true
		}
		if !ready {
			state += fmt.Sprintf("\nEXTEND_TIMEOUT_USEC=%d", extend.Microseconds())
		}
		if words := status(st); words != said {
			state, said = state+"\nSTATUS="+words, words
		}
		daemon.SdNotify(false, state) // where nobody listens it does nothing
		select {
		case <-last.Done():
			return
		case <-stopping:
			daemon.SdNotify(false, daemon.SdNotifyStopping)
			stopping = nil
		case <-engine.Changed():
		case <-tick.C:
		}
	}
}

// status is what systemctl status shows.
func status(st wire.Status) string {
	if st.Ready == nil {
		return "not ready: " + st.Why
	}
	return fmt.Sprintf("ready: %s on %s", st.Ready.Model.Path, st.Ready.Device)
}
