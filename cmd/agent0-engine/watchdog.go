//go:build llama

package main

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/agent0-converge/agent0-converge/runtime/ladder"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// watchdog ends the process when a step takes too long or a load on a backend does not get on, and tells systemd as long as neither
// is so. An engine that has nothing to do, or is loading for the CPU from a slow disk, is not hung. It also ends a process that
// has nothing to do and may be followed by a better one.
type watchdog struct {
	work atomic.Pointer[work]
	// load is how far a load on a backend has got, nil where there is none; stall is how long it may not get on.
	load  atomic.Pointer[load]
	stall time.Duration
	// lower says that a better backend did not work: after a suspend it may.
	lower bool
}

// load is how much was loaded, from 0 to 1, and since when no more.
type load struct {
	done  float32
	since time.Time
}

// work is what is watched: a scheduler, and how long a step of it may take.
type work struct {
	scheduler *worker.Scheduler
	limit     time.Duration
}

// run tells systemd that this process is there and can be spoken to, and then watches until the context ends. Where there is no
// systemd, telling it does nothing.
func (w *watchdog) run(ctx context.Context) {
	daemon.SdNotify(false, daemon.SdNotifyReady)
	began := asleep()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if l := w.load.Load(); l != nil && time.Since(l.since) > w.stall {
			slog.Error("loading the model does not get on: the engine is hung and ends itself", "limit", w.stall.String())
			os.Exit(1)
		}
		if now := w.work.Load(); now != nil {
			if busy := now.scheduler.Busy(); busy > now.limit {
				slog.Error("a step takes too long: the engine is hung and ends itself", "step", busy.String(), "limit", now.limit.String())
				os.Exit(1)
			}
			if w.lower && now.scheduler.Idle() && ladder.Resumed(began, asleep()) {
				slog.Warn("the machine was suspended: the engine ends, and the next one looks whether a better backend works now")
				os.Exit(1)
			}
		}
		daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// loading begins the watch over a load.
func (w *watchdog) loading() { w.load.Store(&load{since: time.Now()}) }

// gotTo notes how far a load has got, where it is watched.
func (w *watchdog) gotTo(done float32) {
	if l := w.load.Load(); l != nil && done > l.done {
		w.load.Store(&load{done, time.Now()})
	}
}

// loaded ends the watch over a load.
func (w *watchdog) loaded() { w.load.Store(nil) }

// asleep is how long the machine has been suspended since it was started. Where that cannot be read, no suspend is seen.
func asleep() time.Duration {
	d, err := ladder.Asleep()
	if err != nil {
		slog.Warn("cannot tell whether the machine was suspended", "error", err)
	}
	return d
}
