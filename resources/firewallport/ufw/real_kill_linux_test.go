package ufw

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// change is both states' changes, as the process that is killed is told of them.
type change struct {
	RunningOut, RunningIn, PersistentOut, PersistentIn []owner.Line
}

// The variables that tell a process of these tests that it is the one to be killed: of which file its change is, and at
// which point; at 0 it is not killed, and says how many points it passed.
const (
	changeFile = "AGENT0_UFW_CHANGE"
	killPoint  = "AGENT0_UFW_KILL"
)

// TestKilledProcess is the process that TestRealKilled kills.
func TestKilledProcess(t *testing.T) {
	name := os.Getenv(changeFile)
	if name == "" {
		t.Skip("needs to be told of a change: TestRealKilled does so")
	}
	kill, err := strconv.Atoi(os.Getenv(killPoint))
	check(t, err)
	b, err := os.ReadFile(name)
	check(t, err)
	var c change
	check(t, json.Unmarshal(b, &c))
	points := 0
	point := func() {
		if points++; points == kill {
			check(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
	}
	h, err := host.Open(host.Options{Watch: func(host.Op) error { point(); return nil }, Ran: func(host.Call) { point() }})
	check(t, err)
	defer h.Close()
	check(t, errors.Join(Owner{}.SetRunning(t.Context(), h, c.RunningOut, c.RunningIn), Owner{}.SetPersistent(t.Context(), h, c.PersistentOut, c.PersistentIn)))
	check(t, os.WriteFile(name+".points", []byte(strconv.Itoa(points)), 0o600))
}

// killed runs the change in a process of its own, and reports whether it was killed.
func killed(t *testing.T, name string, at int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
	cmd.Env = append(os.Environ(), changeFile+"="+name, killPoint+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%v\n%s", err, out)
	}
	return true
}

// Killed before any change of the machine, and after any program, it arrives when it is called again, and so does the way
// back. Until the files change, a reload finds all as it was.
func TestRealKilled(t *testing.T) {
	r := onReal(t).with(others()...)
	limited := wide("tcp", 8000, 8000)
	limited.Rate, limited.Comment = rate(), "killed"
	in := r.lines(limited, wide("tcp", 7000, 7010), wide("udp", 6000, 6000))
	running, persistent := stateBefore(r.read(), in)
	there, back := change{running, in, persistent, in}, change{in, running, in, persistent}
	dir := t.TempDir()
	for name, c := range map[string]change{"there": there, "back": back} {
		b, err := json.Marshal(c)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	pictures := map[string]string{"back": r.picture()}
	killed(t, filepath.Join(dir, "there"), 0)
	pictures["there"] = r.picture()
	killed(t, filepath.Join(dir, "back"), 0)
	r.same("there and back", pictures["back"], r.picture())
	for _, way := range [][2]string{{"there", "back"}, {"back", "there"}} {
		name := filepath.Join(dir, way[0])
		killed(t, filepath.Join(dir, way[1]), 0)
		b, err := os.ReadFile(name + ".points")
		check(t, err)
		points, err := strconv.Atoi(strings.TrimSpace(string(b)))
		check(t, err)
		hit := 0
		for n := 1; n <= points; n++ {
			if killed(t, name, n) {
				hit++
			}
			killed(t, name, 0)
			r.same(way[0]+", killed at "+strconv.Itoa(n), pictures[way[0]], r.picture())
			killed(t, filepath.Join(dir, way[1]), 0)
		}
		if t.Logf("%s: %d points, killed at %d", way[0], points, hit); points != hit || points == 0 {
			t.Error("not at all of them")
		}
	}
}
