package server

import (
	"sync"
	"time"
)

// doors count the requests that are inside, let in so many at once, and none after they were closed.
type doors struct {
	mu     sync.Mutex
	most   int
	inside int
	closed bool
	empty  chan struct{} // is closed when the doors are and nobody is inside
	length float64       // of a request, in seconds: an average in which the latest counts most
}

func newDoors(most int) *doors { return &doors{most: most, empty: make(chan struct{})} }

// limit changes how many are let in at once. Who is inside stays.
func (d *doors) limit(most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.most = most
}

// entry is what came of a request at the doors.
type entry int

const (
	entered entry = iota
	full
	shut
)

func (d *doors) enter() entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return shut
	case d.inside >= d.most:
		return full
	}
	d.inside++
	return entered
}

func (d *doors) leave(took time.Duration) {
	const weight = 0.1
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
	d.length += weight * (took.Seconds() - d.length)
	if d.closed && d.inside == 0 {
		close(d.empty)
	}
}

// close lets nobody in any more, and returns what is closed when the last has left.
func (d *doors) close() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		if d.inside == 0 {
			close(d.empty)
		}
	}
	return d.empty
}

func (d *doors) state() (inside int, closed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inside, d.closed
}

// wait is when there should be room again, where an engine computes so many at once: those that wait go first.
func (d *doors) wait(parallel, waiting int) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	turns := float64(waiting+1) / float64(max(1, parallel))
	return min(max(time.Duration(turns*d.length*float64(time.Second)), time.Second), 2*time.Minute)
}
