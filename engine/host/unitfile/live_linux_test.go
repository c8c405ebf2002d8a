package unitfile

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// live is the machine that the test runs on, with a systemd that runs.
type live struct {
	systemctl
	h *host.Host
	// before is what was in the unit directories when the test began.
	before picture
	seen   map[string]known
	counts map[string]int
}

// TestLive puts the trees into a machine with a systemd that runs, one after the other. What is read of
// every unit of them is what systemctl says, and what the agent makes of their links is what systemctl
// makes of them.
func TestLive(t *testing.T) {
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestLiveParity takes it there")
	}
	l := newLive(t)
	compared, units, changes := 0, 0, 0
	for _, c := range trees() {
		if why := l.unfit(c); why != "" {
			t.Logf("%s: left out, %s", c.name, why)
			l.counts["trees left out"]++
			continue
		}
		compared++
		names := c.units
		if names == nil {
			names = []string{"a.service"}
		}
		units += len(names)
		changes += 2 - len(c.not)
		t.Run(c.name, func(t *testing.T) {
			defer l.restore(t)
			l.place(t, c.files)
			l.reload(t)
			for _, name := range names {
				l.compareUnit(t, name)
			}
			for _, verb := range []string{"enable", "disable"} {
				if !slices.Contains(c.not, verb) {
					l.compareKind(t, c, verb, names[0])
				}
			}
		})
	}
	t.Logf("systemd %d: %d trees with %d units compared: %v", l.version, compared, units, l.counts)
	if compared < 40 || l.counts["states"] != units || l.counts["changes"] != changes {
		t.Errorf("compared are %d trees of at least 40, %d of %d states, %d of %d changes",
			compared, l.counts["states"], units, l.counts["changes"], changes)
	}
	for _, how := range []string{"whole", "brief", "fresh"} {
		if l.counts["glance "+how] == 0 {
			t.Errorf("no glance at a unit was %s", how)
		}
	}
	if n := len(deviations()); l.counts["meant to be otherwise"] != n {
		t.Errorf("%d of %d deviations of the agent were met", l.counts["meant to be otherwise"], n)
	}
}

func newLive(t *testing.T) *live {
	t.Helper()
	h, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	l := &live{systemctl: needSystemctl(t), h: h, seen: map[string]known{}, counts: map[string]int{}}
	l.before = l.look(t)
	l.generator(t)
	t.Cleanup(func() { l.restore(t); l.reload(t) }) // before the generators are as they were
	return l
}

// unfit says why a tree cannot be put into a machine that runs, "" where it can.
func (l *live) unfit(c tree) string {
	if l.version < c.since || c.until > 0 && l.version > c.until {
		return "another version of systemd does so"
	}
	for p := range c.files {
		switch {
		case strings.HasPrefix(p, "/lib/"):
			return "it needs a /lib that is not /usr/lib"
		case p == "/etc/machine-id":
			return "a systemd that runs does not look at its machine's ID again"
		}
	}
	return ""
}

func (l *live) reload(t *testing.T) {
	t.Helper()
	if err := l.h.Units.Do(context.WithoutCancel(t.Context()), host.DaemonReload, ""); err != nil { // at the end too
		t.Fatal(err)
	}
}

// ask runs systemctl on the systemd that runs.
func (l *live) ask(args ...string) (stdout, stderr string, ok bool) {
	cmd := exec.Command("systemctl", append([]string{"--no-pager", "--no-legend", "--no-reload"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMCTL_SKIP_SYSV=1"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// fileState is what is-enabled prints.
func (l *live) fileState(t *testing.T, unit string) string {
	t.Helper()
	return enablementOf(l.ask("is-enabled", unit))
}

// outcome is what became of a change: the links before and afterwards, and what was printed.
type outcome struct {
	before, after picture
	printed       string
	ok            bool
	state         string
}

// on puts the tree up anew, does something to it and says what came of it.
func (l *live) on(t *testing.T, c tree, unit string, do func() (printed string, ok bool)) outcome {
	t.Helper()
	l.restore(t)
	l.place(t, c.files)
	o := outcome{before: l.look(t).links()}
	o.printed, o.ok = do()
	o.after, o.state = l.look(t).links(), l.fileState(t, unit)
	return o
}

func (l *live) bySystemctl(t *testing.T, c tree, verb, unit string) outcome {
	t.Helper()
	return l.on(t, c, unit, func() (string, bool) {
		_, stderr, ok := l.ask(verb, unit)
		return stderr, ok && !strings.Contains(stderr, "not meant to be enabled") // which it tells and is content with
	})
}

// byAgent applies a plan that says no more of the unit than whether it is enabled.
func (l *live) byAgent(t *testing.T, c tree, verb, unit string) outcome {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "plan.hcl")
	text := fmt.Sprintf("plan {\n  name = \"live\"\n}\n\nunit \"it\" {\n  name    = %q\n  enabled = %t\n}\n", unit, verb == "enable")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return l.on(t, c, unit, func() (string, bool) {
		l.reload(t)
		out, err := exec.Command(machine.AgentPath, "apply", "--auto-approve", name).CombinedOutput()
		if err := os.RemoveAll("/var/lib/agent0-converge"); err != nil { // the next plan is another machine's
			t.Fatal(err)
		}
		return string(out), err == nil
	})
}

// compareKind has systemctl change one copy of a tree and the agent another. Both make the same links, or
// both refuse, but where the agent is meant to be otherwise.
func (l *live) compareKind(t *testing.T, c tree, verb, unit string) {
	t.Helper()
	l.counts["changes"]++
	theirs, ours := l.bySystemctl(t, c, verb, unit), l.byAgent(t, c, verb, unit)
	got, want := otherwise(theirs, ours), deviations()[verb+" "+c.name]
	if want == reenables && got != "" && otherwise(l.bySystemctl(t, c, "reenable", unit), ours) == "" {
		got = reenables
	}
	switch {
	case !ours.ok && len(ours.difference(ours.before)) > 0:
		got = "refuses, and yet changed " + ours.difference(ours.before)
	case !ours.ok && !theirs.ok:
		l.counts["refused by both"]++
	case verb == "enable" && ours.ok && ours.state != "enabled":
		got = "is content, and it is " + ours.state
	}
	if want != "" {
		l.counts["meant to be otherwise"]++
	}
	if words, refuses := strings.CutPrefix(want, "refuses: "); refuses && got == "refuses" && strings.Contains(ours.printed, words) {
		return
	}
	if got != want {
		t.Errorf("%s %s: the agent %s\nwanted: %s\nsystemctl (%t, %s afterwards): %s\nagent (%t, %s afterwards): %s", verb, unit,
			got, want, theirs.ok, theirs.state, theirs.printed, ours.ok, ours.state, ours.printed)
	}
}

// otherwise says in what the agent did otherwise than systemctl, "" for nothing.
func otherwise(theirs, ours outcome) string {
	switch {
	case !ours.ok && !theirs.ok:
		return ""
	case !ours.ok:
		return "refuses"
	}
	return ours.difference(theirs.after)
}

// difference lists what is there afterwards, and is not in from, after a plus, and what is there no more after
// a minus.
func (o outcome) difference(from picture) string {
	var out []string
	for _, p := range from.keys() {
		if from[p] != o.after[p] {
			out = append(out, "-"+p)
		}
	}
	for _, p := range o.after.keys() {
		if from[p] != o.after[p] {
			out = append(out, "+"+p)
		}
	}
	return strings.Join(out, " ")
}

// keys lists what is in a picture, the deepest first.
func (p picture) keys() []string {
	names := slices.Sorted(maps.Keys(p))
	slices.Reverse(names)
	return names
}
