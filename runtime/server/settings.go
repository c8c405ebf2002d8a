package server

import "github.com/agent0-converge/agent0-converge/runtime/spec"

// settings are what can be changed while the server serves.
type settings struct {
	cfg    spec.Server
	guard  *guard
	routes []route
}

// cfg is the configuration as it is now: it is not changed, but may be another the next time.
func (s *Server) cfg() *spec.Server { return &s.now.Load().cfg }

func (s *Server) set(cfg spec.Server, k Keys) {
	s.now.Store(&settings{cfg: cfg, guard: newGuard(cfg.Listen, cfg.Hosts, cfg.Origins, k), routes: s.table(&cfg)})
}

// Change has new requests answered by another configuration, and returns the names of what stays as it is until the server is
// started again. If it is wrong, nothing changes.
func (s *Server) Change(cfg spec.Server, k Keys) (stays []string, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	now := s.cfg()
	stay(&stays, "listen", &cfg.Listen, now.Listen)
	stay(&stays, "max_header", &cfg.MaxHeader, now.MaxHeader)
	stay(&stays, "header_timeout", &cfg.HeaderTimeout, now.HeaderTimeout)
	stay(&stays, "idle_timeout", &cfg.IdleTimeout, now.IdleTimeout)
	s.doors.limit(cfg.MaxRequests)
	s.set(cfg, k)
	return stays, nil
}

// stay leaves a value as it is, and notes its name if it would be another.
func stay[T comparable](stays *[]string, name string, value *T, now T) {
	if *value != now {
		*stays = append(*stays, name)
		*value = now
	}
}
