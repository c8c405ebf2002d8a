// Package front is the process that clients speak to: the HTTP front, and the supervision of the engine behind it. It tells
// systemd that it is ready when the engine has generated a token, and not before. It reads its configuration again when it is
// asked to: what is the engine's is changed by another engine, which takes over when it has generated a token too.
package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/agent0-converge/agent0-converge/runtime/server"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Options are what a front works with.
type Options struct {
	// File has the configuration, and Config is what was read of it.
	File   string
	Config spec.Runtime
	// Reload hands something over when the file is to be read again. It may be nil.
	Reload <-chan os.Signal
	// Listener is where clients come in.
	Listener net.Listener
	// Child is the place of engines that are children of this process and work with the configuration in a file. It is asked
	// where the configuration names no sockets.
	Child func(config string) supervise.Place
}

// front is what the server asks: a supervisor, and what else is known here of how things are.
type front struct {
	*supervise.Supervisor
	server *server.Server
	file   string
	places places

	mu sync.Mutex
	// now is what was read last and is not wrong, digest that of its engine, and keys its keys.
	now    spec.Runtime
	digest string
	keys   server.Keys
	// names are those of the model that the engine has: those in now, unless that is yet to take over.
	names names
	// wrong says why the configuration that was read last was not taken, "" if it was.
	wrong string
}

// names are what clients call a model.
type names struct {
	Model   string   `json:"model"`
	Aliases []string `json:"aliases,omitempty"`
}

// Run serves until the context ends and requests are answered or have had their time.
func Run(ctx context.Context, o Options) (err error) {
	f, err := newFront(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.places.close()) }()
	// The engine outlives the listening: what is still being answered needs it.
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	work.Go(func() { f.Supervisor.Run(last) })
	work.Go(func() { f.attend(ctx, last, o.Reload) })
	err = f.server.Serve(ctx, o.Listener)
	stop()
	work.Wait()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("requests were still being answered after %v and were ended", o.Config.Server.Drain)
	}
	return err
}

func newFront(o Options) (*front, error) {
	f := &front{file: o.File, now: o.Config, places: places{child: o.Child}, names: namesOf(&o.Config)}
	var err error
	if f.keys, err = keys(&o.Config.Server); err != nil {
		return nil, err
	}
	super := supervise.DefaultConfig()
	if super.Want, err = f.places.want(&o.Config); err != nil {
		return nil, errors.Join(err, f.places.close())
	}
	f.digest = super.Want.Config
	super.Hang = o.Config.Hang
	if len(o.Config.Sockets) > 0 {
		was := f.places.recall(o.Config.Sockets)
		super.Used, super.Using = was.Use, f.using
		if was.Config != f.digest && was.Model != "" {
			f.names = was.names // of the engine that is there, until it is another
		}
	}
	f.Supervisor = supervise.New(super)
	f.server, err = server.New(f.named(), server.Options{Engine: f, Grammars: server.DefaultGrammars(), Keys: f.keys, Log: slog.Default()})
	if err != nil {
		return nil, errors.Join(err, f.places.close())
	}
	return f, nil
}

func namesOf(cfg *spec.Runtime) names { return names{cfg.Server.Model, cfg.Server.Aliases} }

// named is how the server behaves, with the names that hold now.
func (f *front) named() spec.Server {
	s := f.now.Server
	s.Model, s.Aliases = f.names.Model, f.names.Aliases
	return s
}

// Status adds, to what is known of the engines, what is wrong with the configuration.
func (f *front) Status() wire.Status {
	st := f.Supervisor.Status()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wrong != "" {
		st.Degraded = append(st.Degraded, "the configuration was not taken, and the one before holds: "+f.wrong)
	}
	return st
}

// using remembers where engines are.
func (f *front) using(u supervise.Use) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.places.use = u
	f.remember()
}

// remember keeps what another front has to know. The engine's names are those of the configuration that it has.
func (f *front) remember() {
	m := memory{Use: f.places.use, names: f.names}
	if sameNames(f.names, namesOf(&f.now)) {
		m.Config = f.digest
	}
	if err := f.places.remember(m); err != nil {
		slog.Warn("a front that is started again will not know where its engine is", "error", err)
	}
}
