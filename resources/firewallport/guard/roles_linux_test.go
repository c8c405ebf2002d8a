package guard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// TestMain makes this binary, with "role" as its first argument, the programs that the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		if err := play(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role string, args []string) error {
	switch role {
	case "init":
		return reap(args[0])
	case "sshd":
		return serve()
	}
	var job job
	if err := json.Unmarshal([]byte(args[0]), &job); err != nil {
		return err
	}
	h, err := job.open()
	if err != nil {
		return err
	}
	defer h.Close()
	ctx := context.Background()
	switch role {
	case "apply":
		return job.guard().Change(ctx, h, chain{}, guard.Swap{Out: job.Out, In: job.In}, guard.Swap{Out: job.Out, In: job.In})
	case "confirm":
		_, err = job.guard().Confirm(ctx, h, job.Run)
		return err
	case "settle":
		waiting, err := job.guard().Settle(ctx, h)
		fmt.Println(waiting)
		return err
	case "take-back":
		return job.takeBack(ctx, h, args[1:])
	}
	return fmt.Errorf("there is no role %q", role)
}

// job is what a role is to do.
type job struct {
	Run     int
	Timeout time.Duration
	Out, In []owner.Line
	// Systemd says that the host has it.
	Systemd bool
	// Judge evaluates; Lie says that all are let in. Sample are addresses to judge where nobody is connected.
	Judge, Lie bool
	Sample     []netip.Addr
	Strict     bool
	// Stop kills the process, Fail fails it, before that change of the host, from 1; After kills it before the first that
	// follows one of that name. Count is a file for how many there were.
	Stop, Fail int
	After      string
	Count      string
	// Undertaker is the job of whoever takes the change back.
	Undertaker *job `json:",omitempty"`
}

// errFault is what a change fails with that a test has chosen.
var errFault = errors.New("the test has it fail")

func (j *job) open() (*host.Host, error) {
	count, seen := 0, false
	facts := &host.Facts{OS: "linux"}
	if j.Systemd {
		facts.Init = "systemd"
	}
	watch := func(op host.Op) error {
		count++
		if j.Count != "" {
			if err := os.WriteFile(j.Count, []byte(strconv.Itoa(count)), 0o600); err != nil {
				return err
			}
		}
		if count == j.Stop || seen && j.After != "" {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
		seen = seen || op.Name+" "+op.Path == j.After
		if count == j.Fail {
			return errFault
		}
		return nil
	}
	h, err := host.Open(host.Options{Facts: facts, Watch: watch, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	undertaker := job{}
	if j.Undertaker != nil {
		undertaker = *j.Undertaker
	}
	undertaker.Systemd = j.Systemd
	b, err := json.Marshal(undertaker)
	if err != nil {
		return nil, err
	}
	called := make(chan os.Signal, 1)
	signal.Notify(called, os.Interrupt)
	h.Confirm = host.Confirmation{
		Run: func() int { return j.Run }, Timeout: j.Timeout, Restore: []string{self, "role", "take-back", string(b)},
		Tell: func(text string) { fmt.Println(text) },
		Interrupted: func() error {
			select {
			case s := <-called:
				called <- s
				return errors.New("stopped by " + s.String())
			default:
				return nil
			}
		},
	}
	return h, nil
}

func (j *job) guard() guard.Guard {
	g := guard.Guard{Owner: chainNamed, Strict: j.Strict}
	if j.Judge {
		g.Judge = judge
	}
	if j.Lie {
		g.Judge = func(context.Context, host.View, guard.Probe) (bool, string, error) { return true, "", nil }
	}
	if j.Sample != nil {
		g.Sample = func(_ context.Context, _ host.View, port uint16) (all []guard.Probe, err error) {
			for _, a := range j.Sample {
				all = append(all, guard.Probe{From: a, To: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)})
			}
			return all, nil
		}
	}
	return g
}

// takeBack is the command that takes a change back, as cmd has it.
func (j *job) takeBack(ctx context.Context, h *host.Host, args []string) error {
	file, g := args[len(args)-1], j.guard()
	switch args[0] {
	case guard.FlagRehearse:
		return g.Rehearse(ctx, h, file)
	case guard.FlagDetach:
		argv := append([]string(nil), h.Confirm.Restore...)
		argv[3] = os.Args[3] // with its own job
		return host.DetachSelf(append(argv, guard.FlagWait, file)...)
	case guard.FlagWait:
		return g.Wait(ctx, h, file, func() error {
			_, err := fmt.Println(host.Ready)
			return err
		})
	}
	return g.TakeBack(ctx, h, file)
}

// reap is the first process of a world.
func reap(ready string) error {
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		return err
	}
	signal.Ignore(os.Interrupt)
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			time.Sleep(50 * time.Millisecond) // until somebody is left here
		}
	}
}

// serve is an sshd that believes everybody: each line is a command as JSON, which it runs with SSH_CONNECTION, and at the end
// of which it says how that ended.
func serve() error {
	l, err := net.Listen("tcp", ":22")
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		// A child has the connection, as with sshd.
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			return err
		}
		remote, local := c.RemoteAddr().(*net.TCPAddr).AddrPort(), c.LocalAddr().(*net.TCPAddr).AddrPort()
		env := fmt.Sprintf("SSH_CONNECTION=%s %d %s %d", remote.Addr().Unmap(), remote.Port(), local.Addr().Unmap(), local.Port())
		go session(f, env)
		if err := c.Close(); err != nil {
			return err
		}
	}
}

func session(f *os.File, env string) {
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		var argv []string
		if err := json.Unmarshal([]byte(line), &argv); err != nil {
			fmt.Fprintln(f, err)
			return
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), env)
		cmd.Stdout, cmd.Stderr = f, f
		err = cmd.Run()
		fmt.Fprintf(f, "EXIT %s\n", exitWord(err))
	}
}

func exitWord(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ProcessState.String()
	}
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}
