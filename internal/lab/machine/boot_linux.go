package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// ErrOff says that the machine is not running.
var ErrOff = errors.New("the machine is off")

// offLimit is how long a shutdown may take: systemd itself gives a service 90 s to stop.
const offLimit = 3 * time.Minute

// askAgain is how long to wait before asking a systemd again that did not answer yet.
const askAgain = 20 * time.Millisecond

// Boot powers the machine on and returns when all that is to start at boot has started, or failed to: systemd
// is "running" or "degraded". A machine that does not get there is powered off; the error has the end
// of its console and what systemd says has failed or is still going on.
func (m *Machine) Boot(ctx context.Context) error {
	if _, err := m.ask(control.Request{Do: control.Boot}); err != nil {
		return fmt.Errorf("cannot boot: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.options.BootLimit,
		fmt.Errorf("the boot took longer than %v", m.options.BootLimit))
	defer cancel()
	err := m.started(ctx)
	if err == nil {
		return nil
	}
	said := m.unfinished()
	return fmt.Errorf("cannot boot: %w\n%s%s", errors.Join(err, m.Kill()), said, m.report())
}

// started waits for systemd to have done its work.
func (m *Machine) started(ctx context.Context) error {
	for {
		_, out, err := m.Run(ctx, []string{"systemctl", "is-system-running", "--wait"})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case slices.Contains([]string{"running", "degraded"}, strings.TrimSpace(string(out))):
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

// unfinished is what a systemd that answers says about a boot that does not end; "" if the machine is off.
func (m *Machine) unfinished() string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var all strings.Builder
	for _, what := range []string{"is-system-running", "--failed", "list-jobs"} {
		_, out, err := m.Run(ctx, []string{"systemctl", "--no-pager", "--plain", what})
		if errors.Is(err, ErrOff) {
			break
		}
		fmt.Fprintf(&all, "systemctl %s:\n%s", what, out)
		if err != nil {
			fmt.Fprintln(&all, err)
		}
	}
	return all.String()
}

// on is the machine's present power, or ErrOff.
func (m *Machine) on() (*power, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return nil, ErrOff
	}
	return m.now, nil
}

// signal sends a signal to the machine's PID 1 and waits for the machine to be off.
func (m *Machine) signal(ctx context.Context, s unix.Signal) (how string, err error) {
	p, err := m.on()
	if err != nil {
		return "", err
	}
	m.asking.Lock()
	err = m.requests.Encode(control.Request{Do: control.Signal, Signal: int(s)})
	m.asking.Unlock()
	if err != nil {
		return "", fmt.Errorf("cannot signal the machine: %w", err)
	}
	return p.wait(ctx)
}

func (p *power) wait(ctx context.Context) (how string, err error) {
	select {
	case <-p.ended:
		return p.how, p.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// systemd(1), SIGNALS: a clean shutdown is asked for by real-time signals, which Go has no names for.
const (
	signalPowerOff = unix.Signal(34 + 4) // SIGRTMIN+4
	signalReboot   = unix.Signal(34 + 5) // SIGRTMIN+5
)

// PowerOff shuts the machine down as its power button would, and returns when it is off.
func (m *Machine) PowerOff(ctx context.Context) error {
	return m.shutDown(ctx, signalPowerOff, control.PoweredOff)
}

// Reboot shuts the machine down and boots it again.
func (m *Machine) Reboot(ctx context.Context) error {
	if err := m.shutDown(ctx, signalReboot, control.Rebooted); err != nil {
		return err
	}
	return m.Boot(ctx)
}

func (m *Machine) shutDown(ctx context.Context, s unix.Signal, want string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, offLimit, fmt.Errorf("it took longer than %v", offLimit))
	defer cancel()
	how, err := m.signal(ctx, s)
	if err == nil && how != want {
		err = fmt.Errorf("it ended otherwise: %s", how)
	}
	if err != nil {
		return fmt.Errorf("cannot shut down (%s): %w\n%s", want, err, m.report())
	}
	return nil
}

// Kill cuts the machine's power: no process in it does anything more. What it has written is there at the
// next boot even where it was not synced, since the host goes on. A machine that is off stays off.
func (m *Machine) Kill() error {
	_, err := m.signal(context.Background(), unix.SIGKILL)
	if errors.Is(err, ErrOff) {
		return nil
	}
	return err
}

// Wait returns when the machine is off, and how that came: "reboot" or "poweroff" if it did so by itself, "killed".
// After a reboot that was asked for inside, Boot does what hardware would. It is ErrOff if it was never on.
func (m *Machine) Wait(ctx context.Context) (how string, err error) {
	m.mu.Lock()
	last := m.last
	m.mu.Unlock()
	if last == nil {
		return "", ErrOff
	}
	return last.wait(ctx)
}
