package host

import "context"

// OverTheBus makes m talk to systemd over the system bus, which root does only where systemd's own socket
// is not there.
func OverTheBus(ctx context.Context, m *UnitManager) error {
	s := &systemd{queries: m.queries, open: func(ctx context.Context) (*systemdConn, error) {
		return openBus(ctx, dialSystemBus)
	}}
	conn, err := s.open(ctx)
	s.conn, m.conn = conn, s
	return err
}
