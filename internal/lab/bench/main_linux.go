// Command bench measures agent0-converge beside CFEngine, systemctl, nft, curl, llama-server and minimal Go programs on the same
// files, units and models: medians of several runs taken in turn, on a fresh file system for first converges, in a machine
// with a systemd of its own for units, and from a server of this machine for models.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own := filepath.Dir(self)
	switch {
	case len(args) == 3 && args[0] == inside && args[1] == "firewall":
		return measureFirewall(args[2])
	case len(args) == 3 && args[0] == inside:
		return measureUnits(args[2], own)
	case len(args) == 1:
		return measureParts(ctx, args[0], own, parts)
	case len(args) > 1 && !slices.ContainsFunc(args[1:], unknown):
		return measureParts(ctx, args[0], own, args[1:])
	}
	return fmt.Errorf("usage: bench AGENT0-CONVERGE [%s]... (the lab's own programs, bench-*, lie beside bench)", strings.Join(parts, "|"))
}

// parts are what can be measured by itself: files, getting models and serving one here, and units and ports in a machine.
var parts = []string{"files", "firewall", "models", "server", "units"}

func unknown(part string) bool { return !slices.Contains(parts, part) }

// measureParts measures parts, in their order. own is the folder of the lab's own programs.
func measureParts(ctx context.Context, ours, own string, wanted []string) error {
	before, err := load()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{ours: ours, own: own, work: work, disk: filepath.Join(work, "disk")}
	for _, part := range parts {
		if !slices.Contains(wanted, part) {
			continue
		}
		switch part {
		case "files":
			err = b.files()
		case "models":
			err = measureModels(ours, own, filepath.Join(work, part))
		case "server":
			err = measureServer(ctx, ours, filepath.Join(own, "bench-engines"), filepath.Join(work, part))
		default:
			err = inMachine(ctx, part, ours, own)
		}
		if err != nil {
			return err
		}
		fmt.Println()
	}
	after, err := load()
	if err != nil {
		return err
	}
	fmt.Printf("load of the last minute: %s before, %s after\n", before, after)
	return nil
}

// load is the machine's, of the last minute (proc_loadavg(5)): it says how much the figures are to be trusted.
func load() (string, error) {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	last, _, _ := strings.Cut(string(b), " ")
	return last, nil
}
