package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// peer is a server that is measured beside others.
type peer struct {
	name string
	ask  asker
	pids []process
	stop func() error
}

// process is one of those that a server consists of.
type process struct {
	name string
	pid  int
}

// compare measures ours beside llama-server, at several numbers of clients, and what memory they have taken after that.
func (s *servers) compare(ctx context.Context) (err error) {
	peers, err := s.peers(ctx)
	defer func() {
		for _, p := range peers {
			err = errors.Join(err, p.stop())
		}
	}()
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "clients\tserver\ttokens/s, median\tmin\tmax\tto first token, median ms\tmin\tmax\tours: of its tokens/s\t")
	short, big := 1<<30, 0
	for _, clients := range []int{1, 2, 4, 8} {
		got, err := s.inTurns(ctx, peers, clients, s.rounds)
		if err != nil {
			return err
		}
		ours := middle(rates(got[0]))
		for i, p := range peers {
			r, f := rates(got[i]), firsts(got[i])
			fmt.Fprintf(out, "%d\t%s\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.3f\t\n", clients, p.name, middle(r), slices.Min(r), slices.Max(r),
				middle(f), slices.Min(f), slices.Max(f), ours/middle(r))
			for _, b := range got[i] {
				short, big = min(short, b.short), max(big, b.big)
			}
		}
	}
	fmt.Printf("%d requests a round, each a stream over a connection of its own, of %d tokens each after prompts of %d to %d; %d rounds\n", requests, tokens, short, big, s.rounds)
	if err := out.Flush(); err != nil {
		return err
	}
	return memoryOf(peers)
}

// inTurns has each peer answer the same requests in every round, each time in another order. The first round is not counted: a
// server that has done nothing yet has memory to ask for.
func (s *servers) inTurns(ctx context.Context, peers []peer, clients, rounds int) ([][]burst, error) {
	got := make([][]burst, len(peers))
	for round := range rounds + 1 {
		seed := s.next()
		for k := range peers {
			i := (k + round) % len(peers)
			b, err := burstOf(ctx, clients, seed, peers[i].ask)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", peers[i].name, err)
			}
			if round > 0 {
				got[i] = append(got[i], b)
			}
		}
	}
	return got, nil
}

// peers are ours and llama-server, twice: without flash attention, and as it would do by itself, which is as ours.
func (s *servers) peers(ctx context.Context) ([]peer, error) {
	ours, err := s.serve(ctx, "beside", nil)
	if err != nil {
		return nil, err
	}
	h, err := ours.Health(ctx)
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	out := []peer{{us, over(anew(), ours.URL), []process{{"front", ours.Front().Cmd.Process.Pid}, {"engine", h.Engine.PID}}, ours.Close}}
	fmt.Printf("%s: build %s, 1 thread, %d sequences of %d tokens, batches of %d, cache %s\n",
		us, h.Engine.Build, parallel, perSequence, batch, cache)
	if s.theirs == nil {
		return out, nil
	}
	version, err := s.theirs.Version(ctx)
	if err != nil {
		return out, err
	}
	fmt.Println("llama-server:", version)
	for _, attention := range []string{"off", "auto"} {
		options := s.options(attention)
		t, err := s.theirs.Start(filepath.Base(s.tiny), options...)
		if err != nil {
			return out, err
		}
		name := "llama-server -fa " + attention
		fmt.Println("llama-server", strings.Join(options, " "))
		out = append(out, peer{name, over(anew(), t.URL), []process{{name, t.PID()}}, t.Close})
		if err := t.Ready(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}

// memoryOf prints what the processes have in memory, and had at most (proc_pid_status(5)).
func memoryOf(peers []peer) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "after the load\tVmHWM MiB\tVmRSS MiB\tof it anonymous\tof files, such as the model\t")
	for _, peer := range peers {
		for _, p := range peer.pids {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\t", p.name)
			for _, field := range []string{"VmHWM:", "VmRSS:", "RssAnon:", "RssFile:"} {
				var kib int64
				_, rest, _ := strings.Cut(string(b), field)
				if _, err := fmt.Sscan(rest, &kib); err != nil {
					return fmt.Errorf("cannot read %s of process %d: %w", field, p.pid, err)
				}
				fmt.Fprintf(out, "%.1f\t", float64(kib)/1024)
			}
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

func rates(bs []burst) (out []float64) {
	for _, b := range bs {
		out = append(out, b.rate)
	}
	return out
}

func firsts(bs []burst) (out []float64) {
	for _, b := range bs {
		out = append(out, b.first)
	}
	return out
}
