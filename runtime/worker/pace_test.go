package worker

import (
	"math"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// One slow step, as the first of an engine may be, lets nobody expect a long wait: there is no estimate until there are enough
// steps, and then that one counts no more than the others.
func TestPaceOfFewSteps(t *testing.T) {
	q := &sequence{req: &wire.Request{}, tokens: make([]int32, 10), done: 10, limit: 110}
	var p pace
	p.stepped(time.Second, 4, 0)
	if left := p.left(q); left != 0 {
		t.Errorf("after one step the wait is said to be %v", left)
	}
	for range enough - 1 {
		p.stepped(time.Millisecond, 4, 0)
	}
	mean := (1 + 0.001*(enough-1)) / enough
	if left := p.left(q).Seconds(); math.Abs(left-100*mean) > 1e-6 {
		t.Errorf("after %d steps the wait is said to be %v s, and is %v", enough, left, 100*mean)
	}
	for range 100 {
		p.stepped(time.Millisecond, 4, 0)
	}
	if left := p.left(q); left > 200*time.Millisecond {
		t.Errorf("after a hundred steps the wait is said to be %v", left)
	}
}
