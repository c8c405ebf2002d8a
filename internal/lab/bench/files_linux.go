package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// The names of the tools.
const (
	us       = "agent0-converge"
	cfengine = "CFEngine"
	floor    = "the floor"     // each file durable by itself
	oneBatch = "one batch"     // the floor with all files in one batch
	parsing  = "parsing alone" // of the plan, by the HCL library, in one thread
	empty    = "an empty Go program"
)

// bench measures files.
type bench struct {
	ours string
	own  string // the folder of the lab's own programs
	work string // plans and policies
	disk string // where the files go
	out  *table
}

func (b *bench) files() error {
	b.out = newTable("files", cfengine, floor, oneBatch, parsing)
	for _, n := range []int{10, 100, 1000, 10000} {
		if err := b.size(n); err != nil {
			return err
		}
	}
	return b.out.out.Flush()
}

// size measures everything at n files.
func (b *bench) size(n int) error {
	if err := os.WriteFile(b.plan(n), []byte(workload.Plan("/bench", n)), 0o600); err != nil {
		return err
	}
	policy := workload.CFEngine(filepath.Join(b.disk, "bench"), n)
	if err := os.WriteFile(b.policy(n), []byte(policy), 0o600); err != nil {
		return err
	}
	if n == 1000 {
		if err := b.first(n); err != nil {
			return err
		}
	}
	return b.again(n)
}

func (b *bench) plan(n int) string   { return filepath.Join(b.work, fmt.Sprintf("plan%d.hcl", n)) }
func (b *bench) policy(n int) string { return filepath.Join(b.work, fmt.Sprintf("policy%d.cf", n)) }

// converge are the tools that write what is missing.
func (b *bench) converge(n int) []tool {
	return []tool{
		{us, []string{b.ours, "apply", "--root", b.disk, "--auto-approve", b.plan(n)}},
		{cfengine, []string{"cf-agent", "-K", "-f", b.policy(n)}},
		{floor, b.floor("each", n)},
	}
}

func (b *bench) floor(how string, n int) []string {
	return []string{filepath.Join(b.own, "bench-floor"), how, filepath.Join(b.disk, "bench"), fmt.Sprint(n)}
}

// first measures converging from nothing, each time on a fresh file system.
func (b *bench) first(n int) error {
	tools := append(b.converge(n), tool{oneBatch, b.floor("batch", n)})
	samples := map[string][]sample{}
	for range rounds {
		for _, t := range tools {
			unmount, err := freshDisk(b.disk)
			if err != nil {
				return err
			}
			s, err := measure(t.argv)
			if err == nil {
				err = b.check(n)
			}
			if err := errors.Join(err, unmount()); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			samples[t.name] = append(samples[t.name], s)
		}
	}
	b.out.add("first converge", n, tools, samples)
	return nil
}

// again measures runs that change nothing, beside what they cannot be faster than but by doing less, and
// a plan with 1 % drift.
func (b *bench) again(n int) (err error) {
	unmount, err := freshDisk(b.disk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount()) }()
	tools := b.converge(n)
	if _, err := measure(tools[0].argv); err != nil { // whoever comes first writes the files for all
		return err
	}
	if err := b.check(n); err != nil {
		return err
	}
	tools = append(tools, tool{parsing, []string{filepath.Join(b.own, "bench-parse"), b.plan(n)}},
		tool{empty, []string{filepath.Join(b.own, "bench-empty")}})
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	b.out.add("no-op", n, tools, samples)
	return b.drifted(n)
}

func (b *bench) drifted(n int) error {
	for i := 0; i < n; i += 100 {
		if err := os.WriteFile(filepath.Join(b.disk, "bench", workload.Name(i)), []byte("drift\n"), 0o644); err != nil {
			return err
		}
	}
	tools := []tool{
		{us, []string{b.ours, "plan", "--root", b.disk, b.plan(n)}},
		{cfengine, []string{"cf-agent", "--dry-run", "-K", "-f", b.policy(n)}},
	}
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	b.out.add("plan, 1 % drift", n, tools, samples)
	return nil
}

// check fails unless all n files are there: a tool that did nothing would be fast.
func (b *bench) check(n int) error {
	for i := range n {
		have, err := os.ReadFile(filepath.Join(b.disk, "bench", workload.Name(i)))
		if err != nil {
			return err
		}
		if string(have) != string(workload.Content(i)) {
			return fmt.Errorf("%s does not hold what it should", workload.Name(i))
		}
	}
	return nil
}
