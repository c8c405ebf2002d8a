package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/crash"
	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// sample is how much of a sweep a change does, and all of it, as 0, in the lab.
func sample(n int) int {
	if os.Getenv("AGENT0_LAB") != "" {
		return 0
	}
	return n
}

// sweep kills a run of p before and after its system calls that change something; after first, where it
// is not 0, the run is one that goes on where another was killed at that point.
func (p *play) sweep(t *testing.T, first, sample int) trace.Report {
	t.Helper()
	sweep := trace.Sweep{
		Dir: t.TempDir(), Sample: sample, Seed: uint64(first + 1), Retry: 5,
		Prepare: func(dir string) (*exec.Cmd, error) {
			s := scene{p, dir}
			err := s.set()
			if err == nil && first > 0 {
				err = s.killed(first)
			}
			return s.apply(), err
		},
		Check: func(dir string, _ trace.Kill) error {
			s := scene{p, dir}
			if err := s.arrives(); err != nil {
				return err
			}
			return s.goesBack()
		},
	}
	report, err := sweep.Run(t.Context())
	t.Logf("after a kill at point %d: %s", first, report)
	if err != nil {
		t.Error(err)
	}
	if report.Fired != len(report.Kills) {
		t.Errorf("%d of %d kills fired at %d points", report.Fired, len(report.Kills), len(report.Points))
	}
	return report
}

// TestKillAtEveryPoint kills the program before and after its system calls that change something.
// All points are swept with AGENT0_LAB=1, otherwise a sample.
func TestKillAtEveryPoint(t *testing.T) {
	report := newPlay(t, ofEverything(), before, everything).sweep(t, 0, sample(40))
	if len(report.Points) < 250 {
		t.Errorf("%d points are too few to prove anything", len(report.Points))
	}
}

// TestKillTheRecovery kills a run, and then the run that recovers from it.
func TestKillTheRecovery(t *testing.T) {
	p := newPlay(t, ofEverything(), before, everything)
	for _, first := range []int{60, 160, 260} {
		p.sweep(t, first, sample(4))
	}
}

// TestKillWithinBatches kills a run that makes many changes together.
func TestKillWithinBatches(t *testing.T) {
	report := newPlay(t, ofBatches(), "", batches).sweep(t, 0, sample(8))
	if len(report.Points) < 500 {
		t.Errorf("%d points are too few to prove anything", len(report.Points))
	}
}

// killed runs apply and kills it before its n-th point.
func (s scene) killed(n int) error {
	res, err := trace.Run(context.Background(), s.apply(), trace.Options{Under: []string{s.dir}, Kill: trace.KillBefore(n)})
	if err == nil && !res.Fired {
		err = fmt.Errorf("the run ended before point %d", n)
	}
	return err
}

// TestPowerCut replays the trace of a run to trees that a power cut may have left.
func TestPowerCut(t *testing.T) {
	p := newPlay(t, ofEverything(), before, everything)
	model := p.record(t)
	if sample(1) == 0 {
		p.cuts(t, model.States(1, 5000), 5000)
		return
	}
	p.cuts(t, model.Drawn(1, 120), 120)
}

// TestPowerCutWithinBatches does so with a run that makes many changes together.
func TestPowerCutWithinBatches(t *testing.T) {
	p, most := newPlay(t, ofBatches(), "", batches), 16
	if sample(1) == 0 {
		most = 1000
	}
	p.cuts(t, p.record(t).Drawn(1, most), most)
}

// record is the model of a run without a crash.
func (p *play) record(t *testing.T) *crash.Model {
	t.Helper()
	s := scene{p, t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	model, err := crash.Record(context.WithoutCancel(t.Context()), s.dir, s.apply())
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// cuts lets each state go on, and wants so many.
func (p *play) cuts(t *testing.T, states iter.Seq[crash.State], want int) {
	t.Helper()
	found, arrived := 0, 0
	for state := range states {
		found++
		after := scene{p, filepath.Join(t.TempDir(), "cut")}
		err := errors.Join(os.Mkdir(after.dir, 0o755), state.Materialize(after.dir))
		if err == nil {
			err = after.arrives()
		}
		if err == nil {
			err = after.goesBack()
		}
		if err != nil {
			t.Errorf("%s: %v", state, err)
			continue
		}
		arrived++
		if err := os.RemoveAll(after.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d states found, %d arrived", found, arrived)
	if found < want || arrived < found {
		t.Errorf("%d of %d states, %d arrived", found, want, arrived)
	}
}

// TestDurableBeforeVisible reads the order of durability off the trace of a real run: data is
// durable before the rename that shows it, and the directory after.
func TestDurableBeforeVisible(t *testing.T) {
	s := scene{newPlay(t, ofEverything(), before, everything), t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := s.apply()
	cmd.Stdout, cmd.Stderr = &out, &out
	res, err := trace.Run(t.Context(), cmd, trace.Options{Under: []string{s.root()}, Record: true})
	if err != nil || res.Exit() != "exit 0" {
		t.Fatalf("%v %s\n%s", err, res.Exit(), out.String())
	}
	checkOrder(t, res.Events)
}
