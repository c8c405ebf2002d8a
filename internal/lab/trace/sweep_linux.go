package trace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// Sweep kills a program on either side of every one of its points, each time from a fresh
// start, and checks what it left.
type Sweep struct {
	// Dir is where the fresh directories are made, one at a time.
	Dir string
	// Prepare fills the empty directory dir and returns the command to run, not yet started.
	Prepare func(dir string) (*exec.Cmd, error)
	// Check judges dir after the kill; typically it runs the program again, to the end. It is
	// also called for a run that was not killed, with the zero Kill.
	Check func(dir string, k Kill) error
	// Options of each run; Kill is set by the sweep, and Under is the fresh directory if empty.
	Options Options
	// Sample limits the sweep to so many kills, drawn by Seed; 0 means all.
	Sample int
	Seed   uint64
	// Retry is how often a kill is tried again whose point was not reached: how threads are
	// scheduled may change the number of points from run to run.
	Retry int
}

// Report is what a sweep did.
type Report struct {
	// Points are those of the run that was not killed.
	Points []Point
	// Kills are the ones that were due and Fired how many of them happened.
	Kills []Kill
	Fired int
	// Retries counts the runs that ended by themselves and were repeated.
	Retries int
	// Strayed counts the kills whose point was another system call than in the first run.
	Strayed int
}

// String is the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d points, %d of %d kills fired, %d retries, %d strayed",
		len(r.Points), r.Fired, len(r.Kills), r.Retries, r.Strayed)
}

// Run does the sweep. Its error joins one for each check that failed and each kill that did not
// fire; the directory of such a run is left in place and named.
func (s Sweep) Run(ctx context.Context) (Report, error) {
	var r Report
	first, err := s.one(ctx, Kill{}, &r)
	if err != nil {
		return r, err
	}
	if len(first.Points) == 0 {
		return r, errors.New("cannot sweep: the program has no points")
	}
	if !first.Status.Exited() || first.Status.ExitStatus() != 0 {
		return r, fmt.Errorf("cannot sweep: the program fails without being killed (%s)", first.Exit())
	}
	r.Points = first.Points
	r.Kills = s.kills(len(r.Points))
	var failed []error
	for _, k := range r.Kills {
		if ctx.Err() != nil {
			failed = append(failed, fmt.Errorf("cannot finish the sweep: %w", context.Cause(ctx)))
			break
		}
		if _, err := s.one(ctx, k, &r); err != nil {
			failed = append(failed, err)
		}
	}
	return r, errors.Join(failed...)
}

// kills are both sides of every point, or a sample of them in order.
func (s Sweep) kills(points int) []Kill {
	var all []Kill
	for n := 1; n <= points; n++ {
		all = append(all, KillBefore(n), KillAfter(n))
	}
	if s.Sample <= 0 || s.Sample >= len(all) {
		return all
	}
	// Take each with the chance that leaves exactly Sample: order is kept and all are alike.
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	var some []Kill
	for i, k := range all {
		if rng.IntN(len(all)-i) < s.Sample-len(some) {
			some = append(some, k)
		}
	}
	return some
}

// one makes one kill, with its retries, and the check that follows.
func (s Sweep) one(ctx context.Context, k Kill, r *Report) (Result, error) {
	for try := 0; ; try++ {
		dir, res, err := s.fresh(ctx, k)
		if err != nil {
			return res, err
		}
		if k.N == 0 || res.Fired {
			return res, s.check(dir, k, res, r)
		}
		if try == s.Retry {
			return res, fmt.Errorf("%s of %d (%s) did not fire in %d runs: the last ended by itself (%s) after %d points; it left %s",
				k, len(r.Points), r.Points[k.N-1], try+1, res.Exit(), len(res.Points), dir)
		}
		r.Retries++
		if err := os.RemoveAll(dir); err != nil {
			return res, fmt.Errorf("cannot clear %s for a retry: %w", dir, err)
		}
	}
}

// fresh runs the program in a new directory.
func (s Sweep) fresh(ctx context.Context, k Kill) (dir string, res Result, err error) {
	dir, err = os.MkdirTemp(s.Dir, "sweep-")
	if err != nil {
		return "", res, fmt.Errorf("cannot make a directory to sweep in: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", res, fmt.Errorf("cannot find the directory to sweep in: %w", err)
	}
	cmd, err := s.Prepare(dir)
	if err != nil {
		return "", res, fmt.Errorf("cannot prepare %s: %w", dir, err)
	}
	opt := s.Options
	opt.Kill = k
	if len(opt.Under) == 0 {
		opt.Under = []string{dir}
	}
	res, err = Run(ctx, cmd, opt)
	if err == nil && len(res.Blind) > 0 {
		err = fmt.Errorf("cannot sweep what changes files unseen: %q", res.Blind)
	}
	return dir, res, err
}

func (s Sweep) check(dir string, k Kill, res Result, r *Report) error {
	what := k.String()
	if k.N > 0 {
		r.Fired++
		at, planned := res.Points[k.N-1], r.Points[k.N-1]
		if at.Call != planned.Call {
			r.Strayed++
		}
		what += fmt.Sprintf(" (%s)", at)
	}
	if err := s.Check(dir, k); err != nil {
		return fmt.Errorf("%s, in %s: %w", what, dir, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("cannot clear %s: %w", dir, err)
	}
	return nil
}
