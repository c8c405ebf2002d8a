package supervise

import (
	"context"
	"net"
	"time"
)

// Socket finds an engine that somebody else keeps at work, as systemd does, at a path. It waits until one answers there.
func Socket(path string) func(context.Context) (*Process, error) {
	return func(ctx context.Context) (*Process, error) {
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
	}
}
