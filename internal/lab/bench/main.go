// Command bench measures agent0-converge beside CFEngine and a minimal Go program on the same
// files: medians of several runs taken in turn, on a fresh file system for first converges.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// rounds is how often each figure is taken; the median is reported.
const rounds = 5

// peers are programs of the lab's own to measure beside.
type peers struct{ floor, empty, parse string }

type bench struct {
	ours  string
	peers peers
	work  string // plans and policies
	disk  string // where the files go
	out   *tabwriter.Writer
}

// tool is one program to measure: how it is run on n files.
type tool struct {
	name string
	args func(n int) []string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 5 {
		return errors.New("usage: bench OURS FLOOR EMPTY PARSE")
	}
	work, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{ours: os.Args[1], peers: peers{os.Args[2], os.Args[3], os.Args[4]}, work: work, disk: filepath.Join(work, "disk"),
		out: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)}
	fmt.Fprintln(b.out, "what\tfiles\ttool\tmedian ms\tmin\tmax\tRssAnon MiB\tof CFEngine\tof the floor\tof parsing\t")
	for _, n := range []int{10, 100, 1000, 10000} {
		if err := b.size(n); err != nil {
			return err
		}
	}
	return b.out.Flush()
}

func (b *bench) tools() []tool {
	plan := func(n int) string { return filepath.Join(b.work, fmt.Sprintf("plan%d.hcl", n)) }
	policy := func(n int) string { return filepath.Join(b.work, fmt.Sprintf("policy%d.cf", n)) }
	return []tool{
		{"agent0-converge", func(n int) []string {
			return []string{b.ours, "apply", "--root", b.disk, "--auto-approve", plan(n)}
		}},
		{"CFEngine", func(n int) []string { return []string{"cf-agent", "-K", "-f", policy(n)} }},
		{"floor", func(n int) []string { return []string{b.peers.floor, filepath.Join(b.disk, "bench"), fmt.Sprint(n)} }},
	}
}

// limits are what a run that changes nothing cannot be faster than, but by doing less.
func (b *bench) limits() []tool {
	return []tool{
		{"parsing the plan", func(n int) []string {
			return []string{b.peers.parse, filepath.Join(b.work, fmt.Sprintf("plan%d.hcl", n))}
		}},
		{"empty Go program", func(int) []string { return []string{b.peers.empty} }},
	}
}

// size measures everything at n files.
func (b *bench) size(n int) error {
	if err := os.WriteFile(filepath.Join(b.work, fmt.Sprintf("plan%d.hcl", n)), []byte(workload.Plan("/bench", n)), 0o600); err != nil {
		return err
	}
	policy := workload.CFEngine(filepath.Join(b.disk, "bench"), n)
	if err := os.WriteFile(filepath.Join(b.work, fmt.Sprintf("policy%d.cf", n)), []byte(policy), 0o600); err != nil {
		return err
	}
	if n == 1000 {
		if err := b.first(n); err != nil {
			return err
		}
	}
	return b.again(n)
}

// first measures converging from nothing, each time on a fresh file system.
func (b *bench) first(n int) error {
	samples := map[string][]sample{}
	for range rounds {
		for _, t := range b.tools() {
			unmount, err := freshDisk(b.disk)
			if err != nil {
				return err
			}
			s, err := measure(t.args(n))
			if err == nil {
				err = b.check(n)
			}
			if err := errors.Join(err, unmount()); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			samples[t.name] = append(samples[t.name], s)
		}
	}
	b.report("first converge", n, samples)
	return nil
}

// again measures runs that change nothing, and a plan with 1 % drift.
func (b *bench) again(n int) error {
	unmount, err := freshDisk(b.disk)
	if err != nil {
		return err
	}
	defer func() {
		if err := unmount(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}()
	for _, t := range b.tools()[:1] { // whoever comes first writes the files for all
		if _, err := measure(t.args(n)); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	if err := b.check(n); err != nil {
		return err
	}
	samples := map[string][]sample{}
	for range rounds {
		for _, t := range append(b.tools(), b.limits()...) {
			s, err := measure(t.args(n))
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			samples[t.name] = append(samples[t.name], s)
		}
	}
	b.report("no-op", n, samples)
	return b.drifted(n)
}

func (b *bench) drifted(n int) error {
	for i := 0; i < n; i += 100 {
		if err := os.WriteFile(filepath.Join(b.disk, "bench", workload.Name(i)), []byte("drift\n"), 0o644); err != nil {
			return err
		}
	}
	samples := map[string][]sample{}
	plan := b.tools()[0].args(n)
	plan[1] = "plan"
	plan = slices.DeleteFunc(plan, func(s string) bool { return s == "--auto-approve" })
	for range rounds {
		s, err := measure(plan)
		if err != nil {
			return err
		}
		samples["agent0-converge"] = append(samples["agent0-converge"], s)
		s, err = measure(append([]string{"cf-agent", "--dry-run"}, b.tools()[1].args(n)[1:]...))
		if err != nil {
			return err
		}
		samples["CFEngine"] = append(samples["CFEngine"], s)
	}
	b.report("plan, 1 % drift", n, samples)
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

func (b *bench) report(what string, n int, samples map[string][]sample) {
	median := func(name string) float64 {
		if len(samples[name]) == 0 {
			return 0
		}
		return ms(sorted(samples[name])[len(samples[name])/2].took)
	}
	ratio := func(name, to string) string {
		if median(to) == 0 || name == to {
			return ""
		}
		return fmt.Sprintf("%.2f", median(name)/median(to))
	}
	for _, name := range []string{"agent0-converge", "CFEngine", "floor", "parsing the plan", "empty Go program"} {
		ss := sorted(samples[name])
		if len(ss) == 0 {
			continue
		}
		var rss int64
		for _, s := range ss {
			rss = max(rss, s.rssAnon)
		}
		fmt.Fprintf(b.out, "%s\t%d\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%s\t%s\t\n", what, n, name, median(name),
			ms(ss[0].took), ms(ss[len(ss)-1].took), float64(rss)/1024, ratio(name, "CFEngine"), ratio(name, "floor"), ratio(name, "parsing the plan"))
	}
}

func sorted(ss []sample) []sample {
	return slices.SortedFunc(slices.Values(ss), func(a, b sample) int { return int(a.took - b.took) })
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
