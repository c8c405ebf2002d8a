package chaos_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// A front that is killed takes its engine with it, and costs only those whose answer had begun: all others ask again, or have
// been waiting at the socket, and are answered by the next front.
func TestFrontKilledUnderLoad(t *testing.T) {
	s := start(t, programs, nil)
	c := gather(t, s)
	c.frontDies = true
	c.come(clients)
	const times = 3
	for range times {
		h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
		c.busy(300)
		dead := s.Front()
		if err := dead.Cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if code := ended(t, dead); code != -1 {
			t.Errorf("a front that was killed ended with %d", code)
		}
		serving.Eventually(t, "the engine of a dead front ends", func() bool { return !runs(h.Engine.PID) })
		if err := s.StartFront(); err != nil {
			t.Fatal(err)
		}
	}
	c.busy(300)
	t.Logf("| front killed × %d under %d clients | %v |", times, clients, c.disperse())
}

// An engine that systemd keeps survives the front, and answers the next one.
func TestEngineSurvivesFront(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	var pid int
	s, err := serving.Start(programs, t.TempDir(), func(r *spec.Runtime) {
		r.Sockets = []string{path}
		pid = keepEngine(t, *r, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := gather(t, s)
	c.frontDies = true
	ours := func(h serving.Health) bool { return h.Ready && h.Engine.PID == pid }
	s.Await(t, "ready with the engine that was there", ours)
	c.come(clients)
	const times = 3
	for range times {
		c.busy(300)
		dead := s.Front()
		if err := dead.Cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		ended(t, dead)
		if err := s.StartFront(); err != nil {
			t.Fatal(err)
		}
		s.Await(t, "ready with the engine that was there", ours)
	}
	c.busy(300)
	got := c.disperse()
	t.Logf("| front killed × %d under %d clients, the engine a service of its own | %v |", times, clients, got)
	s.Await(t, "at rest: what dead fronts had asked for is not computed", func(h serving.Health) bool {
		return h.Engine.PID == pid && h.Engine.Running == 0 && h.Engine.Waiting == 0
	})
}

// keepEngine runs an engine that is nobody's child of the fronts', until the test ends, and returns its process.
func keepEngine(t *testing.T, cfg spec.Runtime, path string) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.json")
	b, err := json.Marshal(cfg)
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(programs.Agent, "engine", "--config", file, "--socket", path)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // if it has not ended, which Wait tells
		if err := cmd.Wait(); err != nil {
			t.Errorf("the engine, told to end: %v\n%s", err, tail(said.String(), 20))
		}
	})
	return cmd.Process.Pid
}

// A front that is told to end finishes what it has begun; who comes then waits at the socket, or is told that it is ending, and
// the next front answers. Nothing is lost, not even a stream, and the status is 0.
func TestDrainUnderLoad(t *testing.T) {
	s := start(t, programs, func(r *spec.Runtime) { r.Server.Drain = serving.Patience })
	c := gather(t, s)
	c.frontDies = true
	c.come(clients)
	const times = 3
	for range times {
		s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
		c.busy(300)
		old := s.Front()
		if err := old.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := ended(t, old); code != 0 {
			t.Errorf("it ended with %d:\n%s", code, tail(old.Log(), 20))
		}
		if err := s.StartFront(); err != nil {
			t.Fatal(err)
		}
	}
	c.busy(300)
	got := c.disperse()
	t.Logf("| SIGTERM × %d under %d clients | %v |", times, clients, got)
	if got.cut != 0 {
		t.Errorf("%d streams were cut off", got.cut)
	}
}

// Who asks on a connection that is open while the server ends is told so, with Connection: close.
func TestEndingIsSaid(t *testing.T) {
	s := start(t, programs, func(r *spec.Runtime) { r.Server.Drain = serving.Patience })
	c := gather(t, s)
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	// A stream that the stopped engine keeps from ending.
	pause(t, h.Engine.PID, syscall.SIGSTOP)
	slow := ask{stream: true, body: map[string]any{"prompt": "A violin", "max_tokens": 20, "temperature": 0}}
	first := make(chan answer, 1)
	go func() { first <- slow.do(t.Context(), c.client, s.URL, nil) }()
	c.inside(1)
	kept := dial(t, s)
	kept.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if res := kept.answer(); res.StatusCode != http.StatusOK {
		t.Fatalf("models: %s", res.Status)
	}
	// A request that has begun keeps its connection from being closed as idle.
	kept.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
	front := s.Front()
	if err := front.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	serving.Eventually(t, "the socket is left to others", func() bool { return !listening(t, front.Cmd.Process.Pid) })
	kept.send("Content-Length: 2\r\n\r\n{}")
	res := kept.answer()
	if res.StatusCode != http.StatusServiceUnavailable || !res.Close || res.Header.Get("Retry-After") == "" {
		t.Errorf("while it ends: %s, %v", res.Status, res.Header)
	}
	pause(t, h.Engine.PID, syscall.SIGCONT)
	if got := <-first; !got.whole || got.text == "" {
		t.Errorf("the stream that was there: %v", &got)
	}
	if code := ended(t, front); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, tail(front.Log(), 20))
	}
}

// What has not ended when its time is over is ended, with an error to its client, and the status says so.
func TestDrainRunsOut(t *testing.T) {
	s := start(t, programs, func(r *spec.Runtime) { r.Server.Drain, r.Hang = 500*time.Millisecond, time.Hour })
	c := gather(t, s)
	h := s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	begun := make(chan struct{}, 1)
	long := ask{stream: true, body: map[string]any{"prompt": "A violin", "max_tokens": 200, "temperature": 0, "ignore_eos": true}}
	got := make(chan answer, 1)
	go func() {
		got <- long.do(t.Context(), c.client, s.URL, func() {
			select {
			case begun <- struct{}{}:
				pause(t, h.Engine.PID, syscall.SIGSTOP) // no further, with the answer begun
			default:
			}
		})
	}()
	<-begun
	front := s.Front()
	if err := front.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := ended(t, front); code <= 0 {
		t.Errorf("it ended with %d:\n%s", code, tail(front.Log(), 20))
	}
	if a := <-got; a.whole || a.pieces == 0 || a.code != "ending" {
		t.Errorf("what was ended: %v", &a)
	}
	serving.Eventually(t, "the engine ends with its front, stopped as it was", func() bool { return !runs(h.Engine.PID) })
}

func pause(t *testing.T, pid int, sig syscall.Signal) {
	if err := syscall.Kill(pid, sig); err != nil {
		t.Error(err)
	}
}
