package guard

import (
	"context"
	"errors"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// connections fails: how Windows tells them is another matter, and so is who decides about its ports.
func connections(context.Context, host.View) ([]connection, error) {
	return nil, errors.New("cannot list the connections of this host: this version only can on Linux")
}
