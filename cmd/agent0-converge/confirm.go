package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/all"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
)

// How long a confirmation is waited for: unless --confirm-timeout says otherwise, and what that may say.
const (
	confirmDefault = time.Minute
	confirmLeast   = time.Second
	confirmMost    = time.Hour
)

func (a *app) confirmCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "confirm [RUN]",
		Short: "Keep a change of the firewall that waits for a confirmation",
		Long: `A change of the firewall that might keep new connections to sshd out goes back unless it is known
that one can still get in. Where apply cannot find that out by itself it waits for this command.

It is accepted from a connection to sshd that was made after the change, and not from one that was there before, which
may live on while new ones are kept out, nor from this machine itself. So log in once more, and confirm from there;
sudo, tmux and screen are seen through. At a console it is accepted as well: whoever is there is not kept out by a firewall.
Without RUN it is for the run that waits.`,
		Example: `  agent0-converge confirm
  agent0-converge confirm 12`,
		Args: atMost(1, "RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			run := 0
			if len(args) == 1 {
				var err error
				if run, err = strconv.Atoi(args[0]); err != nil || run < 1 {
					return fmt.Errorf("confirm takes the number of a run, not %q", args[0])
				}
			}
			return a.confirm(cmd.Context(), run)
		},
	}
}

func (a *app) confirm(ctx context.Context, run int) error {
	h, err := a.openHost("", watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	if h.Offline {
		return errors.New("cannot confirm anything with --root: an image keeps nobody out")
	}
	run, err = all.Firewall().Confirm(ctx, h, run)
	if err != nil {
		return asRoot(err)
	}
	_, err = fmt.Fprintf(a.stdout, "Run %d is confirmed: its change of the firewall stays.\n", run)
	return err
}

// takeBackName is the command that takes a change of the firewall back. It is not for people.
const takeBackName = "take-back"

func (a *app) takeBackCmd() *cobra.Command {
	var rehearse, detach, wait bool
	cmd := &cobra.Command{
		Use:    takeBackName + " FILE",
		Short:  "Take back a change of the firewall that was not confirmed",
		Hidden: true, // it is how this program starts itself
		Args:   exactly(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if detach {
				return detachTakeBack(args[0])
			}
			h, err := a.openHost("", watchers{})
			if err != nil {
				return err
			}
			defer h.Close()
			g := all.Firewall()
			switch {
			case rehearse:
				return g.Rehearse(cmd.Context(), h, args[0])
			case wait:
				return g.Wait(cmd.Context(), h, args[0], a.ready)
			}
			return g.TakeBack(cmd.Context(), h, args[0])
		},
	}
	flags := cmd.Flags()
	for flag, to := range map[string]*bool{guard.FlagRehearse: &rehearse, guard.FlagDetach: &detach, guard.FlagWait: &wait} {
		flags.BoolVar(to, flag[len("--"):], false, "")
	}
	return cmd
}

// ready says that this process has all that it needs.
func (a *app) ready() error {
	_, err := fmt.Fprintln(a.stdout, host.Ready)
	return err
}

// detachTakeBack starts a process that descends from no other, and waits there.
func detachTakeBack(file string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	return host.DetachSelf(self, takeBackName, guard.FlagWait, file)
}

// confirmation is how the changes of a run are confirmed.
func (a *app) confirmation(ctx context.Context, c convergence) (host.Confirmation, error) {
	self, err := os.Executable()
	if err != nil {
		return host.Confirmation{}, fmt.Errorf("cannot find this program: %w", err)
	}
	return host.Confirmation{
		Run: c.run.ID, Timeout: c.flags.confirmTimeout, Tell: a.tellOperator, Restore: []string{self, takeBackName},
		Interrupted: func() error { return calledOff(ctx) },
	}, nil
}

// calledOff is why the operator wants a change taken back at once. A terminal that went (SIGHUP) is no such reason: the
// operator may be about to confirm from another.
func calledOff(ctx context.Context) error {
	cause := context.Cause(ctx)
	if s, ok := errors.AsType[*signalError](cause); ok && s.sig == syscall.SIGHUP {
		return nil
	}
	return cause
}

// tellOperator says something that the operator has to hear: on the terminal too where the output goes elsewhere.
func (a *app) tellOperator(text string) {
	to := a.stdout
	if a.json {
		to = a.stderr
	}
	fmt.Fprintln(to, visible(text))
	if terminal(a.stdout) != nil || terminal(a.stderr) != nil {
		return
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return // there is none
	}
	defer tty.Close()
	fmt.Fprintln(tty, visible(text))
}

// settleFirewall ends changes of the firewall that earlier runs left. That it cannot is no reason not to make others.
func (a *app) settleFirewall(ctx context.Context, h *host.Host) {
	if h.Offline {
		return
	}
	if _, err := all.Firewall().Settle(ctx, h); err != nil {
		h.Log.Warn("a change of the firewall that an earlier run left cannot be ended", "error", err)
	}
}

// checkConfirmTimeout refuses what cannot be meant.
func checkConfirmTimeout(d time.Duration) error {
	if d < confirmLeast || d > confirmMost {
		return fmt.Errorf("--confirm-timeout is between %s and %s, not %s", confirmLeast, confirmMost, d)
	}
	return nil
}
