package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// engineProcess is an engine at a socket of its own.
type engineProcess struct {
	socket  string
	started time.Time
	cmd     *exec.Cmd
	log     *os.File
}

// engineAt starts an engine in a folder of its own, with what is said to the front's too.
func (s *servers) engineAt(name string) (*engineProcess, error) {
	cfg := spec.DefaultRuntime()
	cfg.Engine.Model = []string{s.tiny}
	same(&cfg.Engine)
	dir := filepath.Join(s.work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	b, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	file, socket := filepath.Join(dir, "engine.json"), filepath.Join(dir, "engine.sock")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "engine.log"))
	if err != nil {
		return nil, err
	}
	e := &engineProcess{socket: socket, cmd: exec.Command(s.engine, "--config", file, "--socket", socket), log: log}
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.started = time.Now()
	if err := e.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return e, nil
}

// stop kills it and waits until it is gone.
func (e *engineProcess) stop() error {
	e.cmd.Process.Kill() // if it has not ended
	e.cmd.Wait()         // with that signal
	return e.log.Close()
}

// line is a conversation of this process with an engine, over its socket.
type line struct {
	super *supervise.Supervisor
	ready *wire.Ready
	hang  func()
	done  chan struct{}
}

// call speaks with an engine as the front would, and waits until that has generated a token.
func call(ctx context.Context, e *engineProcess) (*line, error) {
	cfg := supervise.DefaultConfig()
	cfg.Want.Places = []supervise.Place{supervise.Socket(e.socket)}
	within, hang := context.WithCancel(ctx)
	l := &line{super: supervise.New(cfg), hang: hang, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.super.Run(within) // its error is that of the context
	}()
	for {
		changed, st := l.super.Changed(), l.super.Status()
		if st.Ready != nil {
			l.ready = st.Ready
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			l.end()
			return nil, fmt.Errorf("the engine is not ready, %s: %w", st.Why, ctx.Err())
		}
	}
}

// end hangs up.
func (l *line) end() {
	l.hang()
	<-l.done
}

// ask is an asker.
func (l *line) ask(ctx context.Context, q question) (a answer, err error) {
	sampling := l.ready.Model.Sampling
	sampling.Temperature = 0
	r := &wire.Request{Text: &q.prompt, MaxTokens: q.tokens, Sampling: sampling, IgnoreEnd: true}
	start := time.Now()
	err = l.super.Generate(ctx, r, func(e wire.Event) {
		if e.Token != nil && e.Token.Text != "" && a.first == 0 {
			a.first = time.Since(start)
		}
		if e.Done != nil {
			a.prompt, a.tokens = e.Done.Prompt, e.Done.Generated
		}
	})
	return a, err
}
