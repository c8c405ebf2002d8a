package machine

import (
	"context"
	"errors"
)

// Run makes a machine over root, boots it, runs payload in it and powers it off. It returns payload's exit status
// and output; err says what else went wrong.
func Run(ctx context.Context, root string, payload []string) (rc int, out []byte, err error) {
	m, err := New(root, Options{})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.Boot(ctx); err != nil {
		return 0, nil, err
	}
	rc, out, err = m.Run(ctx, payload)
	if err != nil {
		return rc, out, err
	}
	return rc, out, m.PowerOff(ctx)
}
