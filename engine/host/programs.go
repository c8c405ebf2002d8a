package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// programDeadline ends a program whose context sets no deadline.
	programDeadline = 60 * time.Second
	// killDelay is what a program gets between being asked to end and being killed.
	killDelay = 2 * time.Second
	// maxOutput is what a program may print on either stream before it is stopped.
	maxOutput = 16 << 20
	// maxErrorOutput is what an error and a journal line quote of it.
	maxErrorOutput = 64 << 10
)

// Programs is the one door for programs that change things. It runs argv without a shell,
// with an environment of its own: PATH, LC_ALL=C, HOME=/ and nothing else.
type Programs struct {
	offline bool
	gate    gate
	ran     func(Call)
	fakes   map[string]ProgramFunc
	// count tells the accounts that a program may have changed what they remember.
	count atomic.Uint64
}

// ProgramFunc plays a program in Go. An Output with an Exit other than 0 is a failure, as
// it is of a real program.
type ProgramFunc func(ctx context.Context, argv []string, stdin []byte) (Output, error)

// Output is what a program printed and how it ended.
type Output struct {
	Stdout, Stderr []byte
	Exit           int
}

// text is the end of both streams, for errors and journal lines.
func (o Output) text() string {
	all := string(o.Stdout) + string(o.Stderr)
	if len(all) > maxErrorOutput {
		all = all[len(all)-maxErrorOutput:]
	}
	return strings.ToValidUTF8(all, "?")
}

// Call is a program that was run, as the journal records it.
type Call struct {
	Argv []string
	// Exit is the exit status, -1 if the program did not start or was killed.
	Exit   int
	Took   time.Duration
	Output string
}

// Run runs a program that changes things. A failure is a *ProgramError, on a root that is
// not the running system an *OfflineError. Without a deadline in ctx it ends after a
// minute; at its end the whole process group is ended.
func (p *Programs) Run(ctx context.Context, argv ...string) (Output, error) {
	return p.RunInput(ctx, nil, argv...)
}

// RunInput is Run with something on the standard input, which is the place for secrets:
// arguments are seen by every user of the host.
func (p *Programs) RunInput(ctx context.Context, stdin []byte, argv ...string) (out Output, err error) {
	if len(argv) == 0 {
		return out, errors.New("cannot run a program: it has no name")
	}
	if p.offline {
		return out, &OfflineError{argv[0]}
	}
	start, started := time.Now(), false
	err = p.gate.do("exec", argv[0], func() (err error) {
		started = true
		out, err = p.run(ctx, stdin, argv)
		return err
	})
	if !started {
		return out, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	p.count.Add(1)
	if p.ran != nil {
		p.ran(Call{argv, out.Exit, time.Since(start), out.text()})
	}
	return out, err
}

func (p *Programs) run(ctx context.Context, stdin []byte, argv []string) (Output, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, programDeadline)
		defer cancel()
	}
	play := execute
	if p.fakes != nil {
		play = p.fakes[filepath.Base(argv[0])]
	}
	if play == nil {
		return Output{Exit: -1}, &ProgramError{argv, -1, "", exec.ErrNotFound}
	}
	out, err := play(ctx, argv, stdin)
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit status %d", out.Exit)
	}
	if err == nil {
		return out, nil
	}
	if out.Exit == 0 {
		out.Exit = -1
	}
	return out, &ProgramError{argv, out.Exit, out.text(), err}
}

// execute runs a real program.
func execute(ctx context.Context, argv []string, stdin []byte) (Output, error) {
	file, err := lookPath(argv[0])
	if err != nil {
		return Output{Exit: -1}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stdout, stderr := &bounded{stop: stop}, &bounded{stop: stop}
	cmd := exec.CommandContext(ctx, file, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Dir, cmd.Env = systemRoot, environment()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	cmd.WaitDelay = killDelay
	group(cmd)
	err = cmd.Run()
	if ctx.Err() != nil {
		endGroup(cmd)
		if err != nil {
			err = context.Cause(ctx)
		}
	}
	exit := -1
	if cmd.ProcessState != nil {
		exit = cmd.ProcessState.ExitCode()
	}
	if errors.Is(err, exec.ErrWaitDelay) && exit == 0 {
		err = nil // it left something running in the background, which is its right
	}
	return Output{stdout.b, stderr.b, exit}, err
}

// lookPath finds a program in the agent's own PATH, not in that of whoever started it.
func lookPath(name string) (string, error) {
	if filepath.Base(name) != name {
		return exec.LookPath(name)
	}
	for _, dir := range programDirs() {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return "", exec.ErrNotFound
}

// bounded keeps what a program prints, and stops one that prints without end.
type bounded struct {
	b    []byte
	stop context.CancelCauseFunc
}

func (w *bounded) Write(p []byte) (int, error) {
	if len(w.b)+len(p) > maxOutput {
		w.stop(errTooMuch())
		return 0, errTooMuch()
	}
	w.b = append(w.b, p...)
	return len(p), nil
}

func errTooMuch() error {
	return fmt.Errorf("it printed more than %d MiB", maxOutput>>20)
}

// Queries runs programs that only look. It is all that planning has of programs.
type Queries struct{ p *Programs }

// Query runs one of the programs that are known to change nothing; any other is an error.
func (q Queries) Query(ctx context.Context, argv ...string) (Output, error) {
	if len(argv) == 0 || !slices.Contains(queryPrograms(), argv[0]) {
		return Output{}, fmt.Errorf("cannot query %s: only %s change nothing",
			strings.Join(argv, " "), strings.Join(queryPrograms(), " and "))
	}
	if q.p.offline {
		return Output{}, &OfflineError{argv[0]}
	}
	return q.p.run(ctx, nil, argv)
}

// queryPrograms prints no more than what is there: of accounts, of the machine, and of the packet filter.
func queryPrograms() []string {
	return []string{"getent", "systemd-detect-virt", "iptables-save", "ip6tables-save"}
}
