package fetch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// The request for what is to be hashed next is kept waiting until the others have gone as far ahead as they may.
func TestSegmentsRunAheadOfTheHasher(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	f := m.small()
	f.Ahead, f.Connections = 3, 4
	ahead, four := make(chan struct{}), make(chan struct{})
	var both sync.WaitGroup
	both.Add(4)
	go func() { both.Wait(); close(four) }()
	s.before = func(n int, off, length int64) error {
		switch {
		case n >= 2 && n <= 5: // those that follow the first come at once
			both.Done()
			<-four
		case off == 20*testSegment:
			<-ahead
		case off == 23*testSegment:
			close(ahead)
		}
		return nil
	}
	_, b := m.published(f, wanted(content, s))
	same(t, b, content)
	for _, ask := range s.asks {
		if ask.size() > testSegment || ask.from/testSegment != (ask.to-1)/testSegment {
			t.Errorf("asked for %v", ask)
		}
	}
	if len(s.asks) != 40 {
		t.Errorf("%d requests", len(s.asks))
	}
}

func TestNoMoreThanAheadIsAskedFor(t *testing.T) {
	content := random(1, 40*testSegment)
	m := newMachine(t)
	s := serve("a", content)
	f := m.small()
	f.Ahead, f.Connections = 3, 8
	f.Stall = 500 * time.Millisecond
	f.Attempts = 2
	s.before = func(n int, off, length int64) error { return nil }
	s.hangs = func(n int) int {
		s2 := s.asks[n-1]
		if s2.from <= 2*testSegment && s2.to > 2*testSegment {
			return 0
		}
		return -1
	}
	_, err := f.Fetch(context.Background(), wanted(content, s))
	if !errors.Is(err, errStalled) {
		t.Fatalf("got %v", err)
	}
	for _, ask := range s.asks {
		if ask.from > (2+3)*testSegment {
			t.Errorf("asked for %v while the frontier was at %d", ask, 2*testSegment)
		}
	}
	// All but the segment that hung is here for the next.
	s.hangs = nil
	s.asks = nil
	_, b := m.published(m.small(), wanted(content, s))
	same(t, b, content)
	if !slices.Contains(s.asks, span{2 * testSegment, 3 * testSegment}) || len(s.asks) != 40-5 {
		t.Errorf("asked again for %v", s.asks)
	}
}

func TestStalledRequestIsGivenUp(t *testing.T) {
	content := random(1, 10*testSegment)
	for _, connections := range []int{1, 4} {
		m := newMachine(t)
		s := serve("slow", content)
		s.hangs = first(3, 10_000)
		f := m.small()
		f.Stall, f.Connections = 50*time.Millisecond, connections
		got, b := m.published(f, wanted(content, s))
		same(t, b, content)
		if got.Got != int64(len(content)) {
			t.Errorf("got %d of %d bytes", got.Got, len(content))
		}
	}
}

// A mirror whose file has another version by now, which is the same file.
func TestVersionThatMoves(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, connections := range []int{1, 4} {
		for _, size := range []int64{int64(len(content)), 0} {
			m := newMachine(t)
			s := serve("a", content)
			s.breaks = func(n int) int {
				if n%3 == 0 {
					return 5000
				}
				return -1
			}
			s.before = func(n int, _, _ int64) error {
				if n%5 == 0 {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.version += "+"
				}
				return nil
			}
			if connections == 1 {
				s.breaks = func(n int) int { return testSegment + 10 }
			}
			f := m.small()
			f.Connections = connections
			w := wanted(content, s)
			w.Size = size
			got, b := m.published(f, w)
			same(t, b, content)
			// A whole file that was sent in place of a part is left after its first block.
			if got.Got > int64(len(content))+10*testBlock {
				t.Errorf("got %d bytes for %d", got.Got, len(content))
			}
		}
	}
}

// Unverified, the bytes of two versions are never put together.
func TestUnverifiedBeginsAgainWithAnotherVersion(t *testing.T) {
	one, two := random(1, 20*testSegment), random(2, 20*testSegment)
	for _, connections := range []int{1, 4} {
		m := newMachine(t)
		s := serve("a", one)
		s.before = func(n int, _, _ int64) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if n == 3 {
				s.content, s.version = two, "v2"
			}
			return nil
		}
		s.breaks = first(2, testSegment/2)
		f := m.small()
		f.Connections = connections
		w := wanted(one, s)
		w.SHA256, w.Unverified = [32]byte{}, true
		_, b := m.published(f, w)
		same(t, b, two)
	}
	// One that never stays the same is refused in the end.
	m := newMachine(t)
	s := serve("a", one)
	s.before = func(n int, _, _ int64) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.version += "+"
		return nil
	}
	w := wanted(one, s)
	w.SHA256, w.Unverified = [32]byte{}, true
	_, err := m.small().Fetch(context.Background(), w)
	if want := "a: has another file each time it is asked"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Two sources of an unverified file are two files.
func TestUnverifiedTakesAllFromOne(t *testing.T) {
	one, two := random(1, 20*testSegment), random(2, 20*testSegment)
	m := newMachine(t)
	a, b := serve("a", one), serve("b", two)
	a.before = func(n int, _, _ int64) error {
		if n > 4 {
			return &RefusedError{"a", "gone"}
		}
		return nil
	}
	w := wanted(one, a, b)
	w.SHA256, w.Unverified, w.Size = [32]byte{}, true, 0
	got, file := m.published(m.small(), w)
	same(t, file, two)
	if got.Source != "b" {
		t.Errorf("it came from %s", got.Source)
	}
}

// Where the plan does not say how long the file is, what one source says does not bind the next.
func TestSizesThatSourcesDisagreeAbout(t *testing.T) {
	content := random(1, 20*testSegment)
	m := newMachine(t)
	a, b := serve("a", append(content, 1, 2, 3)), serve("b", content)
	a.before = func(n int, _, _ int64) error {
		if n > 4 {
			return errBroken
		}
		return nil
	}
	w := wanted(content, a, b)
	w.Size = -1
	_, file := m.published(m.small(), w)
	same(t, file, content)
}

// A source that sends more than the file has is no source of an unverified one.
func TestStreamThatGoesOn(t *testing.T) {
	content := random(1, 3*testSegment)
	m := newMachine(t)
	a, b := serve("a", append(content, 7)), serve("b", content)
	a.noRanges, a.noSize = true, true
	w := wanted(content, a, b)
	w.SHA256, w.Unverified = [32]byte{}, true
	got, file := m.published(m.small(), w)
	same(t, file, content)
	if got.Source != "b" {
		t.Errorf("it came from %s", got.Source)
	}
}

func TestSpans(t *testing.T) {
	var s spans
	bits := make([]bool, 64)
	r := newRand(t)
	for range 20_000 {
		from := r.Int64N(64)
		n := span{from, from + r.Int64N(64-from) + 1}
		add := r.IntN(2) == 0
		if add {
			s.add(n)
		} else {
			s.cut(n)
		}
		for i := n.from; i < n.to; i++ {
			bits[i] = add
		}
		var total int64
		for i, in := range bits {
			if in {
				total++
			}
			end, next := int64(i), int64(64)
			for end < 64 && bits[end] {
				end++
			}
			for k := 63; k >= i; k-- {
				if bits[k] && (k == 0 || !bits[k-1]) {
					next = int64(k)
				}
			}
			if s.end(int64(i)) != end || s.next(int64(i), 64) != next {
				t.Fatalf("%v at %d: end %d, next %d, want %d, %d", s, i, s.end(int64(i)), s.next(int64(i), 64), end, next)
			}
		}
		if s.total() != total {
			t.Fatalf("%v has %d, want %d", s, s.total(), total)
		}
	}
}
