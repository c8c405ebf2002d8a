package main

import (
	"fmt"
	"os"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// nftLoads is nft(8), which replaces the same table by the same rules.
const nftLoads = "nft -f"

// measureFirewall is what bench does in the machine about ports: runs that find all ports open, runs that change some,
// and, beside both, nft with a file of the whole table, which it replaces each time.
func measureFirewall(ours string) error {
	out := newTable("ports", nftLoads)
	for _, n := range []int{10, 1000, 5000} {
		if err := measurePorts(out, ours, n); err != nil {
			return err
		}
	}
	if err := measureSources(out, ours, 10_000); err != nil {
		return err
	}
	return out.out.Flush()
}

// apply is a run that is left to prune what the last workload had.
func apply(ours, plan string) []string {
	return []string{ours, "apply", "--auto-approve", "--allow-prune", plan}
}

// measurePorts measures n ports.
func measurePorts(out *table, ours string, n int) error {
	plans := [2]string{"ports-0.hcl", "ports-1.hcl"}
	for turn, name := range plans {
		if err := os.WriteFile(name, []byte(workload.PortPlan(n, turn)), 0o600); err != nil {
			return err
		}
	}
	first, err := measure(apply(ours, plans[0]))
	if err != nil {
		return err
	}
	if err := keepTable(); err != nil {
		return err
	}
	tools := []tool{{us, apply(ours, plans[0])}, {nftLoads, []string{"nft", "-f", keptTable}}}
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	out.add("no-op", n, tools, samples)
	samples[us] = nil
	for round := range rounds {
		s, err := measure(apply(ours, plans[(round+1)%2]))
		if err != nil {
			return err
		}
		samples[us] = append(samples[us], s)
	}
	out.add("change of 1 %", n, tools, samples)
	out.add("first converge", n, tools[:1], map[string][]sample{us: {first}})
	return nil
}

// measureSources measures one port with n sources.
func measureSources(out *table, ours string, n int) error {
	const plan = "sources.hcl"
	if err := os.WriteFile(plan, []byte(workload.SourcePlan(n)), 0o600); err != nil {
		return err
	}
	first, err := measure(apply(ours, plan))
	if err != nil {
		return err
	}
	if err := keepTable(); err != nil {
		return err
	}
	tools := []tool{{us, apply(ours, plan)}, {nftLoads, []string{"nft", "-f", keptTable}}}
	samples, err := inTurn(rounds, tools)
	if err != nil {
		return err
	}
	out.add("no-op, sources", n, tools, samples)
	out.add("first converge, sources", n, tools[:1], map[string][]sample{us: {first}})
	return nil
}

// keptTable is a copy of the file from which the table is loaded at boot: the workload of nft.
const keptTable = "table.nft"

func keepTable() error {
	b, err := os.ReadFile("/etc/agent0/firewall.nft")
	if err != nil {
		return fmt.Errorf("the run left no table for nft to load: %w", err)
	}
	return os.WriteFile(keptTable, b, 0o600)
}
