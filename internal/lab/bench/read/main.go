// Command read asks systemd for the state of units as a plan does, over one connection and as many at once,
// and does nothing with it: what systemd's part of reading units costs, without plan and files. Like a plan it asks
// in full only for those that are not at rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 {
		return errors.New("usage: read UNITS")
	}
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return err
	}
	h, err := host.Open(host.Options{})
	if err != nil {
		return err
	}
	names := make([]string, n)
	for i := range names {
		names[i] = workload.UnitName(i)
	}
	return errors.Join(read(ctx, h.View().Pass(names).Units, n), h.Close())
}

// read reads all of the units, and fails unless each is as it should be.
func read(ctx context.Context, units host.Units, n int) error {
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	errs := make([]error, engine.DefaultParallelism)
	for w := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = one(ctx, units, i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func one(ctx context.Context, units host.Units, i int) error {
	st, err := units.Glance(ctx, workload.UnitName(i))
	if err != nil {
		return err
	}
	active := st.Active == "active" && !st.Brief && st.Type == "simple"
	rests := st.Active == "inactive" && st.Brief && st.Fresh == !workload.Enabled(i)
	if workload.Running(i) && !active || !workload.Running(i) && !rests {
		return fmt.Errorf("%s is %s: %+v", workload.UnitName(i), st.Active, st)
	}
	return nil
}
