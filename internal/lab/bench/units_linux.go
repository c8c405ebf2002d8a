package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// inside is bench's own argument in the machine.
const inside = "inside"

// numUnits is how many units are measured, and as many files beside them.
const numUnits = 500

// inMachine measures a part in a machine that has nothing else to do.
func inMachine(ctx context.Context, part, ours, own string) (err error) {
	root, err := machine.Root(ctx)
	if err != nil {
		return err
	}
	m, err := machine.New(root, machine.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.Boot(ctx); err != nil {
		return err
	}
	const dir = "/root/bench"
	for from, to := range map[string]string{
		ours: machine.AgentPath, filepath.Join(own, "bench"): dir + "/bench", filepath.Join(own, "bench-read"): dir + "/bench-read",
	} {
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := m.Put(to, b, 0o755); err != nil {
			return err
		}
	}
	rc, said, err := m.Run(ctx, []string{dir + "/bench", inside, part, machine.AgentPath}, machine.In(dir), machine.Stdout(os.Stdout))
	if rc != 0 {
		err = errors.Join(err, fmt.Errorf("exit status %d in the machine: %s", rc, said))
	}
	return err
}

// measureUnits is what bench does in the machine.
func measureUnits(ours, own string) error {
	names := make([]string, numUnits)
	for i := range names {
		names[i] = workload.UnitName(i)
	}
	if err := makeUnits(names); err != nil {
		return err
	}
	if err := checkUnits(names); err != nil {
		return err
	}
	if err := readUnits(own, names); err != nil {
		return err
	}
	return changeNothing(ours)
}

// readUnits measures reading the state of all units. What systemctl prints is thrown away at once: nobody reads it.
func readUnits(own string, names []string) error {
	const each, all = "systemctl for each", "one systemctl"
	shell := func(script string) []string { return append([]string{"sh", "-c", script, "sh"}, names...) }
	tools := []tool{
		{us, []string{filepath.Join(own, "bench-read"), fmt.Sprint(len(names))}},
		{each, shell(`for u; do systemctl show "$u" >/dev/null || exit; done`)},
		{all, shell(`exec systemctl show "$@" >/dev/null`)},
	}
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	out := newTable("units", each, all)
	out.add("read the state", len(names), tools, samples)
	return out.out.Flush()
}

// changeNothing measures runs that find everything as it should be.
func changeNothing(ours string) error {
	tools := []tool{{"units", []string{ours, "apply", "--auto-approve", "units.hcl"}}, {"files", []string{ours, "apply", "--auto-approve", "files.hcl"}}}
	for name, plan := range map[string]string{"units.hcl": workload.UnitPlan(numUnits), "files.hcl": workload.Plan("/srv/bench", numUnits)} {
		if err := os.WriteFile(name, []byte(plan), 0o600); err != nil {
			return err
		}
		// The first apply takes over the units, and makes the files.
		for _, argv := range [][]string{{ours, "apply", "--auto-approve", name}, {ours, "plan", "--detailed-exitcode", name}} {
			if _, err := measure(argv); err != nil {
				return err
			}
		}
	}
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	fmt.Println()
	out := newTable("resources", "files")
	out.add("no-op", numUnits, tools, samples)
	return out.out.Flush()
}

// makeUnits writes the units, enables some and starts some.
func makeUnits(names []string) error {
	enable, start := []string{"enable", "-q"}, []string{"start"}
	for i, name := range names {
		if err := os.WriteFile(filepath.Join("/etc/systemd/system", name), workload.UnitFile(i), 0o644); err != nil {
			return err
		}
		if workload.Enabled(i) {
			enable = append(enable, name)
		}
		if workload.Running(i) {
			start = append(start, name)
		}
	}
	for _, args := range [][]string{enable, {"daemon-reload"}, start} {
		if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("systemctl %s: %w: %s", args[0], err, out)
		}
	}
	return nil
}

// checkUnits fails unless systemctl shows all units as they were made: it has no error for one that is not there.
func checkUnits(names []string) error {
	shown, err := exec.Command("systemctl", append([]string{"show", "-P", "ActiveState,UnitFileState"}, names...)...).Output()
	if err != nil {
		return err
	}
	var want strings.Builder
	for i := range names {
		active, file := "inactive", "disabled"
		if workload.Running(i) {
			active = "active"
		}
		if workload.Enabled(i) {
			file = "enabled"
		}
		fmt.Fprintf(&want, "%s\n%s\n\n", active, file)
	}
	if have := bytes.TrimSpace(shown); string(have) != strings.TrimSpace(want.String()) {
		return fmt.Errorf("systemctl shows other units than were made: %.200s", have)
	}
	return nil
}
