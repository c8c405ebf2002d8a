// Command agent0-converge converges a machine to a plan: it shows what differs, changes it, proves
// that it did, and takes it back.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker.
var version = "unknown"

// The exit statuses. A run ended by a signal answers 128 and the signal's number, as shells do.
const (
	exitOK      = 0
	exitError   = 1
	exitDiffers = 2
)

func main() {
	if err := forbidDumps(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(exitError)
	}
	ctx, stop := withSignals(context.Background())
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: what it prints and its exit status follow from its arguments and the host.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	a := &app{stdin: stdin, stdout: out, stderr: stderr, now: time.Now}
	cmd := a.root()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("cannot write the output: %w", out.err)
	}
	var (
		sig  *signalError
		exit *exitStatus
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	}
	fmt.Fprintf(stderr, "%s %s\n", styleFor(stderr, a.noColor).paint(red, "Error:"), visible(err.Error()))
	if errors.As(err, &sig) {
		return sig.status()
	}
	return exitError
}

// exitStatus ends the program with a status once everything was said.
type exitStatus struct{ code int }

func (e *exitStatus) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// signalError is why a run was asked to stop.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string { return "stopped by " + e.sig.String() }
func (e *signalError) status() int   { return 128 + int(e.sig) }

// withSignals returns a context that the first SIGINT, SIGTERM or SIGHUP ends. The second one ends
// the program at once: the journal makes that as safe as a power cut. That nobody reads the output
// any more is no reason to end in the middle of a change: writing it fails, and that is all.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	got := make(chan os.Signal, 2)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(got, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		sig, ok := (<-got).(syscall.Signal)
		if !ok {
			return // stopped
		}
		cancel(&signalError{sig})
		if sig, ok := (<-got).(syscall.Signal); ok {
			os.Exit(128 + int(sig))
		}
	}()
	return ctx, func() { signal.Stop(got); close(got); cancel(nil) }
}
