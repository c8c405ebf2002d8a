package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// RunOption changes how a program is run in a machine.
type RunOption func(*running)

// Env adds variables ("NAME=value") to the few that a program has.
func Env(vars ...string) RunOption { return func(r *running) { r.env = append(r.env, vars...) } }

// Stdin gives the program something to read; otherwise there is nothing.
func Stdin(in io.Reader) RunOption { return func(r *running) { r.stdin = in } }

// Stdout sends the program's standard output to w, and leaves its standard error to be returned.
func Stdout(w io.Writer) RunOption { return func(r *running) { r.stdout = w } }

// In starts the program in the folder dir.
func In(dir string) RunOption { return func(r *running) { r.dir = dir } }

type running struct {
	env    []string
	dir    string
	stdin  io.Reader
	stdout io.Writer
}

// outputLimit is how long the output of a program that has ended is read to its end.
const outputLimit = 20 * time.Second

// killLimit bounds how long the processes of a program that has ended are waited for.
const killLimit = time.Minute

// Run runs a program in the machine as root and returns its exit status, or 128 and the signal that killed it,
// and what it wrote to standard output and error. It is in a control group of its own, in no unit of systemd's; when it
// ends, or ctx does, all that it started and that is still in that group is killed. err says that it could not be run,
// or that ctx has ended.
func (m *Machine) Run(ctx context.Context, argv []string, opts ...RunOption) (rc int, out []byte, err error) {
	p, err := m.on()
	if err != nil {
		return 0, nil, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	r := &running{dir: "/", env: []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb", "SYSTEMD_PAGER=cat",
	}}
	for _, o := range opts {
		o(r)
	}
	m.mu.Lock()
	m.runs++
	within := fmt.Sprintf("lab.run-%d", m.runs)
	m.mu.Unlock()
	group := m.group.Within(within)
	if err := group.Make(); err != nil {
		return 0, nil, fmt.Errorf("cannot run %s (is the machine on?): %w", argv[0], err)
	}
	rc, out, err = m.enter(ctx, group, r, control.Enter{
		PID: p.pid, Groups: [2]string{m.name, within}, Unified: m.options.Unified, Argv: argv, Env: r.env, Dir: r.dir,
	})
	cleanCtx, cancel := context.WithTimeout(context.Background(), killLimit)
	defer cancel()
	return rc, out, errors.Join(err, group.Remove(cleanCtx))
}

// enter runs the program that enters the machine, and returns when all in the group are gone.
func (m *Machine) enter(ctx context.Context, group cgroup.Group, r *running, what control.Enter) (int, []byte, error) {
	params, err := json.Marshal(what)
	if err != nil {
		return 0, nil, err
	}
	result, report, err := os.Pipe()
	if err != nil {
		return 0, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer result.Close()
	var out bytes.Buffer
	cmd := &exec.Cmd{
		Path: m.program.Path(), Args: []string{"supervisor", "enter", m.name, string(params)}, Dir: "/", Env: []string{},
		Stdin: r.stdin, Stdout: &out, Stderr: &out, ExtraFiles: []*os.File{report}, WaitDelay: outputLimit,
	}
	if r.stdout != nil {
		cmd.Stdout = r.stdout
	}
	err = cmd.Start()
	if closeErr := report.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, nil, fmt.Errorf("cannot enter the machine: %w", err)
	}
	got, waited := make(chan control.Result, 1), make(chan error, 1)
	go func() { got <- readResult(result) }()
	go func() { waited <- cmd.Wait() }()
	return finish(ctx, group, cmd, got, waited, &out)
}

func readResult(from io.Reader) control.Result {
	var res control.Result
	if err := json.NewDecoder(from).Decode(&res); err != nil {
		res.Error = "cannot run it to its end: it was killed, or the machine ended"
	}
	return res
}

// finish waits for the program or for ctx, and then ends all that is left in the group. Only then is the output
// complete: what a program leaves behind may keep it open.
func finish(ctx context.Context, group cgroup.Group, cmd *exec.Cmd, got <-chan control.Result, waited <-chan error, out *bytes.Buffer) (int, []byte, error) {
	var res control.Result
	var err error
	select {
	case res = <-got:
		if res.Error != "" {
			err = errors.New(res.Error)
		}
	case <-ctx.Done():
		// The one who enters first, who might not be in the group yet.
		err = errors.Join(context.Cause(ctx), cmd.Process.Kill())
	}
	cleanCtx, cancel := context.WithTimeout(context.Background(), killLimit)
	defer cancel()
	err = errors.Join(err, group.Kill(cleanCtx))
	if waitErr := <-waited; errors.Is(waitErr, exec.ErrWaitDelay) {
		err = errors.Join(err, errors.New("cannot read all of its output: a process outside of its control group has it open"))
	}
	return res.Code, out.Bytes(), err
}
