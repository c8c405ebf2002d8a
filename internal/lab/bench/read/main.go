// Command read asks systemd for the state of units as a plan does, over one connection and as many at once,
// and does nothing with it: what systemd's part of reading units costs, without plan and files.
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
	return errors.Join(read(ctx, h.View().Units, n), h.Close())
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
	st, err := units.State(ctx, workload.UnitName(i))
	if err != nil {
		return err
	}
	if (st.Active == "active") != workload.Running(i) || (st.File == "enabled") != workload.Enabled(i) || st.Type != "simple" {
		return fmt.Errorf("%s is %s, %s and of type %q", st.Name, st.Active, st.File, st.Type)
	}
	return nil
}
