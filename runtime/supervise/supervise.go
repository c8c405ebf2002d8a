// Package supervise keeps an engine at work and gives it requests. An engine may die at any time: what was asked of it is
// asked of the next one, which goes on where the client was left. A request that engines die of is found out, and given up.
// Where another engine is wanted, it takes over when it has generated a token, and the one before ends what it has begun.
package supervise

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Config is what a supervisor works with.
type Config struct {
	// Want is the engine that is wanted at first.
	Want Want
	// Used is what Using was told last, by the process before this one: the engine that it used is taken if it is there.
	Used Use
	// Using is told where engines are, before one is looked for in a place with a name. It may be nil.
	Using func(Use)
	// Patience is how long a request waits for an engine to be replaced.
	Patience time.Duration
	// Prove is how long an engine that is to take over may take without getting on.
	Prove time.Duration
	// Hang is how long an engine that has work may say nothing; it is never less than ten of its longest steps.
	Hang time.Duration
	// Backoff is how long the second start in a row waits, and MaxBackoff the longest: each waits twice as long.
	Backoff, MaxBackoff time.Duration
}

// DefaultConfig is what there is to be said where nothing is, but for Want.
func DefaultConfig() Config {
	return Config{
		Patience: time.Minute, Prove: 2 * time.Minute, Hang: 10 * time.Second,
		Backoff: 100 * time.Millisecond, MaxBackoff: 10 * time.Second,
	}
}

// Supervisor gives requests to an engine. Its methods may be called by several goroutines at once.
type Supervisor struct {
	cfg Config
	// wake has Run look at what there is to do.
	wake chan struct{}

	mu   sync.Mutex
	want Want
	// current is where the engine is that has the requests, nil before Run; next is where one is to take over, or nil; leaving
	// are those that end.
	current, next *post
	leaving       []*post
	// strays are names of places where the process before this one may have left an engine.
	strays []string
	// refused says why the engine that is wanted is not taken, "" if it is or is still being tried; since when is swapped.
	refused string
	swapped time.Time
	told    Use // what Using was told last

	// pending are all requests that have not ended, by ID, whether an engine has them or not.
	pending map[uint64]*request
	asked   map[uint64]question
	last    uint64
	// counts has the numbers of Status.
	counts wire.Status
	// proven says that an engine has been ready: then a request waits for the next one. hope says that the first one has not
	// failed yet: then it waits too.
	proven, hope bool
	quarantine   quarantine
	// changed is closed when what is known of the engines changes.
	changed chan struct{}
}

// New makes a supervisor, which does nothing until Run.
func New(cfg Config) *Supervisor {
	return &Supervisor{
		cfg: cfg, want: cfg.Want, strays: slices.Clone(cfg.Used.Others), told: cfg.Used, wake: make(chan struct{}, 1),
		hope: true, changed: make(chan struct{}), pending: map[uint64]*request{}, asked: map[uint64]question{},
		counts: wire.Status{Why: starting, Since: time.Now(), Exits: map[string]uint64{}, Swaps: map[string]uint64{}},
	}
}

// starting is why there is no engine yet.
const starting = "the engine is being started"

// Run keeps an engine at work until the context ends, which ends all requests, and the engines that were started here.
func (s *Supervisor) Run(ctx context.Context) error {
	var posts sync.WaitGroup
	defer posts.Wait()
	for {
		begin, use, due := s.decide(ctx)
		if use != nil && s.cfg.Using != nil {
			s.cfg.Using(*use)
		}
		for _, p := range begin {
			posts.Go(p.keep)
		}
		var late <-chan time.Time
		if !due.IsZero() {
			late = time.After(time.Until(due))
		}
		select {
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, q := range s.pending {
				q.fail(ctx.Err())
			}
			return ctx.Err()
		case <-s.wake:
		case <-late:
		}
	}
}

// Change says that another engine is wanted, or the same one with places that are others. A change that failed is tried again.
func (s *Supervisor) Change(want Want) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want, s.refused = want, ""
	if s.current != nil {
		s.current.stale = false
	}
	s.nudge()
}

// nudge has Run look.
func (s *Supervisor) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Status returns what is known of the engines.
func (s *Supervisor) Status() wire.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.counts
	st.Exits, st.Swaps = maps.Clone(st.Exits), maps.Clone(st.Swaps)
	if p := s.current; p != nil {
		st.Why, st.Since = p.why, p.since
		if l := p.link; l != nil {
			st.Hello, st.Loading, st.Ready, st.State = l.hello, l.loading, l.ready, l.state
		}
	}
	st.Swap = s.swap()
	if s.refused != "" {
		st.Degraded = []string{"the engine is not the one that the configuration has: " + s.refused}
	}
	return st
}

// swap tells of the change of engines.
func (s *Supervisor) swap() *wire.Swap {
	if p := s.next; p != nil {
		w := &wire.Swap{State: wire.SwapStarting, Why: p.why, Since: s.swapped}
		if l := p.link; l != nil {
			w.PID, w.Loading = l.hello.PID, l.loading
		}
		return w
	}
	for _, p := range s.leaving {
		if n := s.held(p.link); n > 0 {
			return &wire.Swap{State: wire.SwapDraining, Why: "the engine before ends what it has begun", Since: s.swapped, PID: p.link.hello.PID, Left: n}
		}
	}
	if s.refused != "" {
		return &wire.Swap{State: wire.SwapFailed, Why: s.refused, Since: s.swapped}
	}
	return nil
}

// Changed returns a channel that is closed when an engine becomes ready or is lost, or another one takes over or does not.
func (s *Supervisor) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Supervisor) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// ordered returns the pending requests, oldest first.
func (s *Supervisor) ordered() []*request {
	return slices.SortedFunc(maps.Values(s.pending), func(a, b *request) int { return cmp.Compare(a.number, b.number) })
}

// log is the log of what happens at a place.
func (p *post) log() *slog.Logger {
	if p.place.Name == "" {
		return slog.Default()
	}
	return slog.With("place", p.place.Name)
}
