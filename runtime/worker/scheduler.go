package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Scheduler computes requests. Add and Cancel may be called by any goroutine, Run by one.
type Scheduler struct {
	cfg   Config
	model Model
	cache Cache
	slots *slots
	emit  func(*wire.Step)

	mu    sync.Mutex // of what others hand over, and of what they may know
	added []*sequence
	ended []uint64
	load  load
	known pace

	changed chan struct{}

	// What follows is Run's alone.
	waiting, running []*sequence
	batch            []spec.Entry
	events           []wire.Event
	state            wire.State
	pace             pace
	steps            uint64

	// since is when the step began that is being computed, in nanoseconds, 0 between steps.
	since atomic.Int64
	idle  atomic.Bool
}

// New makes a scheduler. emit is told of each step, by Run.
func New(cfg Config, m Model, c Cache, emit func(*wire.Step)) *Scheduler {
	return &Scheduler{cfg: cfg, model: m, cache: c, slots: newSlots(c, cfg), emit: emit, changed: make(chan struct{}, 1)}
}

// Busy returns how long the step takes that is being computed, 0 if none is.
func (s *Scheduler) Busy() time.Duration {
	since := s.since.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - since)
}

// Idle reports whether there is nothing to compute.
func (s *Scheduler) Idle() bool { return s.idle.Load() }

// Cancel ends a request. Of one that there is not, it does nothing.
func (s *Scheduler) Cancel(id uint64) {
	s.mu.Lock()
	s.ended = append(s.ended, id)
	s.mu.Unlock()
	s.wake()
}

func (s *Scheduler) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Run computes until the context ends, which ends all requests too, or the cache fails.
func (s *Scheduler) Run(ctx context.Context) error {
	defer s.close()
	for {
		s.receive()
		started := s.start()
		if started {
			s.tell() // before they are computed: who looks for what an engine died of has to know
		}
		if len(s.running) == 0 {
			s.tell() // that it has come to rest
			s.idle.Store(true)
			select {
			case <-s.changed:
				s.idle.Store(false)
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.since.Store(time.Now().UnixNano())
		err := s.step()
		s.since.Store(0)
		s.tell()
		if err != nil {
			return err
		}
	}
}

func (s *Scheduler) close() {
	for _, q := range slices.Concat(s.running, s.waiting) {
		q.sampler.Close()
	}
}

// receive takes over what others asked for.
func (s *Scheduler) receive() {
	s.mu.Lock()
	added, ended := s.added, s.ended
	s.added, s.ended = nil, nil
	s.mu.Unlock()
	s.waiting = append(s.waiting, added...)
	for _, id := range ended {
		s.waiting = s.without(s.waiting, id)
		s.running = s.without(s.running, id)
	}
}

func (s *Scheduler) without(all []*sequence, id uint64) []*sequence {
	return slices.DeleteFunc(all, func(q *sequence) bool {
		if q.req.ID == id {
			s.end(q)
		}
		return q.req.ID == id
	})
}

// end frees what a sequence holds but for its place in a list.
func (s *Scheduler) end(q *sequence) {
	s.slots.leave(q, s.steps)
	q.sampler.Close()
}

// start lets waiting sequences run, oldest first, as long as there is room, and reports whether any does.
func (s *Scheduler) start() (started bool) {
	for len(s.waiting) > 0 && len(s.running) < s.cfg.Parallel {
		q := s.waiting[0]
		if !s.fits(q) || s.better(q) || !s.slots.take(q) {
			break
		}
		s.state.Reused += uint64(q.cached)
		s.waiting = s.waiting[1:]
		s.running = append(s.running, q)
		s.event(wire.Event{ID: q.req.ID, Begun: &wire.Begun{Cached: q.cached}})
		started = true
	}
	return started
}

// headroom is how many tokens ahead room is kept for each sequence: what is asked for at most would keep others out
// that could be done by then.
const headroom = 64

// fits reports whether the cache has the cells for one more sequence. Cells that are shared count for each.
func (s *Scheduler) fits(q *sequence) bool {
	if s.cfg.Own {
		return true // its slot has them
	}
	need := 0
	for _, r := range append(slices.Clip(s.running), q) {
		need += min(len(r.tokens)+headroom, r.limit)
	}
	return len(s.running) == 0 || need <= s.cache.Size()
}

// worthwhile is how many tokens of a prompt are worth a wait for another that computes them.
const worthwhile = 16

// better reports whether it is worth waiting: a sequence that runs will soon have more of the same beginning in the cache.
func (s *Scheduler) better(q *sequence) bool {
	if s.cfg.WholeOnly {
		return false
	}
	_, now := s.slots.best(q.tokens)
	for _, r := range s.running {
		soon := min(shared(r.tokens, q.tokens), len(q.tokens)-1)
		if r.done < soon && soon > now+worthwhile {
			return true
		}
	}
	return false
}

// step computes one batch and what follows of it.
func (s *Scheduler) step() error {
	for {
		owners := s.assemble()
		began := time.Now()
		err := s.cache.Decode(s.batch)
		if errors.Is(err, spec.ErrNoRoom) {
			if err = s.makeRoom(); err == nil {
				if len(s.running) == 0 {
					return nil
				}
				continue
			}
		}
		if err != nil {
			return err
		}
		s.steps++
		s.pace.stepped(time.Since(began), len(s.batch), len(s.batch)-len(owners))
		s.follow(owners)
		return nil
	}
}

// assemble fills the batch, by slot: where each has cells of its own, llama.cpp computes only those together that stand in a row
// and come in their order, and reads the model's weights anew for the next row. It returns whose the entries are whose logits
// are wanted, by entry.
func (s *Scheduler) assemble() map[int]*sequence {
	share := s.share()
	s.batch = s.batch[:0]
	owners := make(map[int]*sequence, len(share))
	for slot := range s.slots.all {
		if q := s.slots.all[slot].owner; q != nil && share[q] > 0 {
			s.put(q, share[q], owners)
		}
	}
	return owners
}

// share returns how many tokens of each sequence the next batch has: one of each that answers, then prompts, oldest first, in
// what is left.
func (s *Scheduler) share() map[*sequence]int {
	share := make(map[*sequence]int, len(s.running))
	room, chunk := s.cfg.Batch, s.cfg.Batch
	for _, q := range s.running {
		if q.answering() {
			share[q] = 1
			room, chunk = room-1, s.cfg.Chunk
		}
	}
	for _, q := range s.running {
		if !q.answering() {
			n := min(len(q.pending()), room, chunk)
			share[q] = n
			room, chunk = room-n, chunk-n
		}
	}
	return share
}

// put adds the next n tokens of a sequence to the batch.
func (s *Scheduler) put(q *sequence, n int, owners map[int]*sequence) {
	for i, token := range q.pending()[:n] {
		s.batch = append(s.batch, spec.Entry{Token: token, Pos: int32(q.done + i), Seq: int32(q.slot)})
	}
	if n == len(q.pending()) {
		last := len(s.batch) - 1
		s.batch[last].Output = 1
		owners[last] = q
	}
}

// makeRoom frees cells: those that nobody uses, or else those of the youngest sequence, which goes on when there is room.
func (s *Scheduler) makeRoom() error {
	if s.slots.evict() {
		s.state.Evicted++
		return nil
	}
	last := len(s.running) - 1
	q := s.running[last]
	s.running = s.running[:last]
	s.slots.drop(q)
	if last == 0 { // it has all there is
		s.fail(q, wire.TooLong, "the context is full")
		return nil
	}
	s.state.Preempted++
	s.waiting = append([]*sequence{q}, s.waiting...)
	return nil
}

// follow takes over what was computed and chooses the tokens that come next.
func (s *Scheduler) follow(owners map[int]*sequence) {
	for i, e := range s.batch {
		q := s.slots.all[e.Seq].owner
		q.done++
		if q.done <= q.prompt {
			s.state.Prompt++
		}
		if owners[i] != nil {
			s.next(q, i)
		}
	}
	s.running = slices.DeleteFunc(s.running, func(q *sequence) bool { return q.slot < 0 })
}
