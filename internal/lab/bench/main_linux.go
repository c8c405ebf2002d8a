// Command bench measures agent0-converge beside CFEngine, systemctl and minimal Go programs on the same
// files and units: medians of several runs taken in turn, on a fresh file system for first converges, and in
// a machine with a systemd of its own for units.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	case len(args) == 1:
		return all(ctx, args[0], own)
	case len(args) == 2 && args[0] == inside:
		return measureUnits(args[1], own)
	}
	return errors.New("usage: bench AGENT0-CONVERGE (the lab's own programs, bench-*, lie beside bench)")
}

// all measures files here, and units in a machine. own is the folder of the lab's own programs.
func all(ctx context.Context, ours, own string) error {
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
	if err := b.files(); err != nil {
		return err
	}
	fmt.Println()
	if err := units(ctx, ours, own); err != nil {
		return err
	}
	after, err := load()
	if err != nil {
		return err
	}
	fmt.Printf("\nload of the last minute: %s before, %s after\n", before, after)
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
