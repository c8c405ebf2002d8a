//go:build llama

package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// watchdog ends the process when a step takes too long, and tells systemd as long as none does. An engine that has nothing
// to do is not hung.
type watchdog struct {
	scheduler *worker.Scheduler
	limit     time.Duration
}

// start watches until the context ends, and then closes what it returns.
func (w *watchdog) start(ctx context.Context) <-chan struct{} {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if busy := w.scheduler.Busy(); busy > w.limit {
				slog.Error("a step takes too long: the engine is hung and ends itself", "step", busy.String(), "limit", w.limit.String())
				os.Exit(1)
			}
			daemon.SdNotify(false, daemon.SdNotifyWatchdog) // where there is no systemd it does nothing
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return stopped
}
