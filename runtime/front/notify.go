package front

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// How often systemd is told how things are, and how much longer it is asked to wait for a model that is being loaded.
const (
	tellEvery = time.Second
	extend    = 30 * time.Second
)

// attend follows what happens to the engines and reads the configuration again when it is asked to, until last ends. It tells
// systemd how things are, as far as it listens: ready once a token was generated, stopping when ctx ends, and that this process
// is alive.
func (f *front) attend(ctx, last context.Context, reload <-chan os.Signal) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	ready, said := false, ""
	stopping := ctx.Done()
	for {
		changed := f.Changed() // before it is looked at how things are
		f.settle()
		st := f.Status()
		state := daemon.SdNotifyWatchdog
		if st.Ready != nil && !ready {
			state, ready = state+"\n"+daemon.SdNotifyReady, true
		}
		if !ready {
			state += fmt.Sprintf("\nEXTEND_TIMEOUT_USEC=%d", extend.Microseconds())
		}
		if words := status(st); words != said {
			state, said = state+"\nSTATUS="+words, words
		}
		daemon.SdNotify(false, state) // where nobody listens it does nothing
		select {
		case <-last.Done():
			return
		case <-stopping:
			daemon.SdNotify(false, daemon.SdNotifyStopping)
			stopping, reload = nil, nil
		case <-reload:
			f.reloadNotified(ready)
		case <-changed:
		case <-tick.C:
		}
	}
}

// reloadNotified reloads, and tells systemd before and after if it takes this process for ready. The reload is over when the
// configuration is taken or not: another engine may take long, and must not keep a better configuration from being read.
func (f *front) reloadNotified(ready bool) {
	if !ready {
		f.reload()
		return
	}
	daemon.SdNotify(false, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec())
	f.reload()
	daemon.SdNotify(false, daemon.SdNotifyReady)
}

// status is what systemctl status shows.
func status(st wire.Status) string {
	words := "not ready: " + st.Why
	if st.Ready != nil {
		words = fmt.Sprintf("ready: %s on %s", st.Ready.Model.Path, st.Ready.Device)
	}
	if w := st.Swap; w != nil {
		words += fmt.Sprintf("; another engine: %s (%s)", w.State, w.Why)
	}
	return words
}
