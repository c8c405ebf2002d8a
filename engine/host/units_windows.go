package host

import (
	"context"
	"errors"
)

// dialSystemd fails: Windows has services of its own, and no systemd.
func dialSystemd(context.Context, Queries) (ServiceManager, error) {
	return nil, errors.New("Windows has no systemd")
}
