package enginetest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// converges proves that an apply arrives and that a second one has nothing to do.
func (s *scenario) converges(t *testing.T) {
	t.Helper()
	w := s.machine(t)
	report, err := w.apply()
	converged(t, "apply", report, err)
	after := w.tree()
	for _, c := range w.mustPlan(t).Changes {
		if c.Action != engine.NoOp {
			t.Errorf("after the apply, the plan still says %s of %s (fields %v, error %v)", c.Action, c.Addr, c.Fields, c.Err)
		}
	}
	w.Reset()
	report, err = w.apply()
	converged(t, "the second apply", report, err)
	if ops := managed(w.Ops()); len(ops) > 0 {
		t.Errorf("the second apply changed the machine: %v", ops)
	}
	same(t, "the second apply changed the machine", after, w.tree())
}

// goesBack proves that undo restores every byte, owner, mode and extended attribute, and that
// undoing the undo does it all again.
func (s *scenario) goesBack(t *testing.T) {
	t.Helper()
	w := s.machine(t)
	before := w.tree()
	report, err := w.apply()
	converged(t, "apply", report, err)
	after := w.tree()
	report, err = w.undo(0)
	converged(t, "undo", report, err)
	same(t, "undo left the machine different", before, w.tree())
	report, err = w.undo(0)
	converged(t, "redo", report, err)
	same(t, "undoing the undo left the machine different", after, w.tree())
}

// prunes proves that a plan that drops the resource leaves the machine as it was before.
func (s *scenario) prunes(t *testing.T) {
	t.Helper()
	w := s.machine(t)
	before := w.tree()
	report, err := w.apply()
	converged(t, "apply", report, err)
	report, err = w.applies(nil)
	converged(t, "the plan without the resource", report, err)
	same(t, "dropping the resource left the machine different", before, w.tree())
}

// stops proves that a run which is stopped before any change of the machine arrives when it is
// run again, and that both can be taken back.
func (s *scenario) stops(t *testing.T) {
	t.Helper()
	before, after, ops := s.whole(t)
	hit := 0
	for i, op := range ops {
		t.Run(fmt.Sprintf("stopped before %d %s", i+1, op), func(t *testing.T) {
			w := s.machine(t)
			w.StopAt(i + 1)
			_, _ = w.apply() // the machine is gone: whatever this says, nobody hears
			if w.Fired() {
				hit++
			}
			w.Reset()
			report, err := w.apply()
			converged(t, "the run after the stop", report, err)
			same(t, "the machine is not as after a run that was not stopped", after, w.tree())
			report, err = w.undo(1)
			converged(t, "undo of both runs", report, err)
			same(t, "undo of both runs left the machine different", before, w.tree())
		})
	}
	tally(t, "stops", len(ops), hit)
}

// fails proves that an error at any change of the machine names what it hit, and that the next run
// arrives.
func (s *scenario) fails(t *testing.T) {
	t.Helper()
	_, after, ops := s.whole(t)
	errnos := []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EINTR, syscall.EDQUOT}
	if testing.Short() {
		errnos = errnos[:1]
	}
	for _, errno := range errnos {
		hit := 0
		for i, op := range ops {
			t.Run(fmt.Sprintf("%s at %d %s", errno, i+1, op), func(t *testing.T) {
				w := s.machine(t)
				w.FailAt(i+1, errno)
				report, err := w.apply()
				if w.Fired() {
					hit++
				}
				// What is interrupted is tried again where that is safe, and then is no failure.
				if errno != syscall.EINTR || err != nil || !report.Converged() {
					named(t, op, report, err)
				}
				w.Reset()
				report, err = w.apply()
				converged(t, "the run after the failure", report, err)
				same(t, "the machine is not as after a run that did not fail", after, w.tree())
			})
		}
		tally(t, "failures with "+errno.Error(), len(ops), hit)
	}
}

// whole is a run without a fault: the machine before and after, and every change between.
func (s *scenario) whole(t *testing.T) (before, after string, ops []host.Op) {
	t.Helper()
	w := s.machine(t)
	before = w.tree()
	report, err := w.apply()
	converged(t, "apply", report, err)
	return before, w.tree(), w.Ops()
}

// named proves that a failure says which resource it hit, and which path. One that hit the
// journal names the journal's path.
func named(t *testing.T, op host.Op, report *engine.Report, err error) {
	t.Helper()
	if ownState(op.Path) {
		if err == nil && report.Converged() {
			t.Errorf("the failure at %s was swallowed", op)
		}
		return
	}
	if err != nil {
		t.Fatalf("the failure at %s ended the run: %v", op, err)
	}
	failed := 0
	for _, r := range report.Results {
		if r.Status != engine.Failed {
			continue
		}
		failed++
		if text := r.Err.Error(); !strings.Contains(text, string(r.Addr)) || !strings.Contains(text, r.Claim().Path()) {
			t.Errorf("the error at %s does not name %s and %s: %s", op, r.Addr, r.Claim().Path(), text)
		}
	}
	if failed != 1 {
		t.Errorf("the failure at %s failed %d resources, want 1: %s", op, failed, statuses(report))
	}
}

func tally(t *testing.T, what string, points, hit int) {
	t.Helper()
	t.Logf("%s: %d points found, %d hit", what, points, hit)
	if hit != points {
		t.Errorf("%s: %d points found, %d hit", what, points, hit)
	}
}
