package supervise

import (
	"context"
	"net"
	"time"
)

// Process is an engine that was started or found.
type Process struct {
	Conn net.Conn
	// Kill ends it, where that is ours to do. It may be called more than once.
	Kill func()
	// Wait returns, when its connection is lost, how it ended: "exit status 1", "signal: killed".
	Wait func() string
}

// Place is where an engine is.
type Place struct {
	// Name tells the place from others: there is one engine there at most, which somebody else keeps at work. "" is that of
	// engines that are started here, of which there can be several.
	Name string
	// Start starts or finds the engine, until the context ends.
	Start func(context.Context) (*Process, error)
}

// Want is the engine that is wanted.
type Want struct {
	// Config is the digest of the configuration that it works with. "" takes any engine.
	Config string
	// Files tells the model's files from others at the same paths (spec.Engine.Files). "" takes any.
	Files string
	// Places are where it may be. It is changed without a break only where an engine can be beside another: where there are
	// two places, or one without a name.
	Places []Place
	// Drain is how long the engine before it may go on with what it has begun.
	Drain time.Duration
}

// Use tells where engines may be at work that nobody else would end.
type Use struct {
	// Current is the name of the place whose engine has the requests, Others are those of the others.
	Current string
	Others  []string
}

// Socket finds an engine that somebody else keeps at work, as systemd does, at a path. It waits until one answers there.
func Socket(path string) Place {
	return Place{Name: path, Start: func(ctx context.Context) (*Process, error) {
		var d net.Dialer
		for {
			c, err := d.DialContext(ctx, "unix", path)
			if err == nil {
				return &Process{Conn: c, Kill: func() {}, Wait: func() string { return "lost" }}, nil
			}
			select {
			case <-ctx.Done():
				return nil, err
			case <-time.After(50 * time.Millisecond):
			}
		}
	}}
}
