package firewalld_test

import (
	"context"

	"github.com/godbus/dbus/v5"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// goneAway is what the bus says when a service ends before it has answered.
func goneAway(host.BusCall) error {
	return dbus.Error{Name: "org.freedesktop.DBus.Error.NoReply", Body: []any{"Message recipient disconnected from message bus without replying"}}
}

// hangs is what comes of a service that does not answer in time.
func hangs(host.BusCall) error { return context.DeadlineExceeded }
