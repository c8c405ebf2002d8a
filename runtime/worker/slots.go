package worker

// slot is a sequence of the cache: with an owner that is being computed, or with what one left, for whoever begins alike.
type slot struct {
	owner *sequence
	left  []int32
	used  uint64 // when it was last used, in steps
}

func (s *slot) tokens() []int32 {
	if s.owner != nil {
		return s.owner.tokens[:s.owner.done]
	}
	return s.left
}

// slots is what the cache holds.
type slots struct {
	cache  Cache
	all    []slot
	window int
	whole  bool
	own    bool
}

func newSlots(c Cache, cfg Config) *slots {
	return &slots{cache: c, all: make([]slot, cfg.Slots), window: cfg.Window, whole: cfg.WholeOnly, own: cfg.Own}
}

// shared returns how many tokens two sequences have in common at their beginning.
func shared(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// best returns the slot with the longest usable beginning of tokens, and how many tokens that is. The last token is always
// computed: what comes after it is asked for.
func (s *slots) best(tokens []int32) (at, n int) {
	at = -1
	for i := range s.all {
		have := s.all[i].tokens()
		k := min(shared(have, tokens), len(tokens)-1)
		if s.whole && (k < len(have) || s.all[i].owner != nil) {
			continue
		}
		if k > n {
			at, n = i, k
		}
	}
	return at, n
}

// victim returns the slot that is given up for a new sequence: an empty one, or the one that was idle longest, and of
// these rather not keep. It is -1 where every slot is owned.
func (s *slots) victim(keep int) int {
	at := -1
	for i := range s.all {
		v := &s.all[i]
		if v.owner != nil {
			continue
		}
		switch {
		case at < 0, at == keep, i != keep && v.before(&s.all[at]):
			at = i
		}
	}
	return at
}

func (s *slot) before(o *slot) bool {
	if (len(s.left) == 0) != (len(o.left) == 0) {
		return len(s.left) == 0
	}
	return s.used < o.used
}

// take gives a sequence a slot, with what is already there of its beginning. It reports false where every slot is owned.
func (s *slots) take(q *sequence) bool {
	from, n := s.best(q.tokens)
	to := s.victim(from)
	if from >= 0 && (s.whole || s.own && s.mostOf(from, n)) {
		to = from // what cannot be copied is continued in its place, and what would be lost is less than a copy costs
	}
	if to < 0 {
		return false
	}
	if from != to {
		s.empty(to)
		if from >= 0 {
			s.cache.Copy(int32(from), int32(to), int32(n))
		}
	} else if n < len(s.all[to].left) && !s.cache.Remove(int32(to), int32(n), -1) {
		n = 0
	}
	if n > 0 && !s.usable(to, n) {
		n = 0
	}
	if n == 0 {
		s.empty(to)
	}
	s.all[to] = slot{owner: q, used: s.all[to].used}
	q.slot, q.done, q.cached = to, n, n
	return true
}

// mostOf reports whether n tokens are most of what an idle slot has.
func (s *slots) mostOf(i, n int) bool { return s.all[i].owner == nil && 2*n >= len(s.all[i].left) }

// usable reports whether the cache still has what the model looks back at from position n on: sliding windows forget.
func (s *slots) usable(slot, n int) bool {
	first, last := s.cache.Range(int32(slot))
	oldest := 0
	if s.window > 0 {
		oldest = max(0, n-s.window)
	}
	return first >= 0 && int(first) <= oldest && int(last) == n-1
}

func (s *slots) empty(i int) {
	s.cache.Remove(int32(i), 0, -1)
	s.all[i].left = nil
}

// leave keeps what a sequence has in the cache for others.
func (s *slots) leave(q *sequence, now uint64) {
	if q.slot >= 0 {
		s.all[q.slot] = slot{left: q.tokens[:q.done], used: now}
		q.slot = -1
	}
}

// drop frees the cells of a sequence.
func (s *slots) drop(q *sequence) {
	if q.slot >= 0 {
		s.all[q.slot] = slot{}
		s.empty(q.slot)
		q.slot, q.done = -1, 0
	}
}

// evict frees the cells of the slot that was idle longest. It reports false where none is.
func (s *slots) evict() bool {
	at := -1
	for i := range s.all {
		if v := &s.all[i]; v.owner == nil && len(v.left) > 0 && (at < 0 || v.used < s.all[at].used) {
			at = i
		}
	}
	if at >= 0 {
		s.empty(at)
	}
	return at >= 0
}
