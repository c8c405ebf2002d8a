package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"text/tabwriter"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// What the front may cost beside the engine called directly: the low ends of the 95 % intervals are held against them.
const (
	mostLost  = 2.0 // % of the tokens a second
	mostLater = 1.0 // ms to the first token
)

// pairing is what the front's bursts and the direct ones came to, pair by pair.
type pairing struct{ lost, later []float64 }

// overhead measures an engine behind the front beside an engine that this process speaks to itself, by the front's own means and
// over the same kind of socket, but without HTTP. In the second half of the pairs the two engines have changed places: one
// process may be faster than the other for where its memory happens to be.
func (s *servers) overhead(ctx context.Context) (err error) {
	var engines []*engineProcess
	defer func() {
		for _, e := range engines {
			err = errors.Join(err, e.stop())
		}
	}()
	for _, name := range []string{"a", "b"} {
		e, err := s.engineAt(name)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	half := s.rounds + 1 // 12 pairs in all, where nothing is said
	got := map[int]*pairing{1: {}, parallel: {}}
	for i := range engines {
		if err := s.pairs(ctx, half, engines[i], engines[1-i], got); err != nil {
			return err
		}
	}
	fmt.Printf("the front beside the engine called directly: %d pairs, means with their 95 %% intervals\n", 2*half)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "clients\t%% of tokens/s lost\t\tlow end ≤ %.0f\tms later to first token\t\tlow end ≤ %.0f\t\n", mostLost, mostLater)
	for _, clients := range []int{1, parallel} {
		lost, err := estimated(got[clients].lost)
		if err != nil {
			return err
		}
		later, err := estimated(got[clients].later)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d\t%.2f\t%.2f to %.2f\t%s\t%.3f\t%.3f to %.3f\t%s\t\n", clients, lost.mean, lost.low, lost.high,
			holds(lost.low <= mostLost), later.mean, later.low, later.high, holds(later.low <= mostLater))
	}
	return out.Flush()
}

func holds(yes bool) string {
	if yes {
		return "holds"
	}
	return "does not hold"
}

// pairs measures pairs with one engine behind a front and the other on the line, and adds them to got, by the number of clients.
func (s *servers) pairs(ctx context.Context, n int, behind, alone *engineProcess, got map[int]*pairing) (err error) {
	front, err := s.serve(ctx, "front", func(r *spec.Runtime) { r.Sockets = []string{behind.socket} })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, front.Close()) }()
	l, err := call(ctx, alone)
	if err != nil {
		return err
	}
	defer l.end()
	kept := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
	defer kept.CloseIdleConnections()
	both := []peer{{name: "the front", ask: over(kept, front.URL)}, {name: "the engine", ask: l.ask}}
	for clients, p := range got {
		bursts, err := s.inTurns(ctx, both, clients, n)
		if err != nil {
			return err
		}
		for i, through := range bursts[0] {
			direct := bursts[1][i]
			p.lost = append(p.lost, 100*(1-through.rate/direct.rate))
			p.later = append(p.later, through.first-direct.first)
		}
	}
	return nil
}
