package host_test

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// settleLimit is how long the real systemd gets until a unit is as it will be.
const settleLimit = 60 * time.Second

// needLab skips a test that starts and stops units of the running system, but for a machine that
// was booted for it.
func needLab(t *testing.T) {
	t.Helper()
	if os.Getenv(machine.InLab) != "1" {
		t.Skip("needs a machine to itself, with systemd: the lab boots one and sets AGENT0_IN_LAB=1")
	}
}

// world is a machine with units: the one that hosttest plays, or the real one that the test runs on.
type world interface {
	host() *host.Host
	put(name string, f hosttest.File)
	remove(name string)
	// crash lets the main process of a unit, which knows how, end with status 7.
	crash(unit string)
	trigger(unit string)
}

// played is the machine that hosttest plays.
type played struct {
	t *testing.T
	*hosttest.Machine
}

func newPlayed(t *testing.T, c unitCase) played {
	return played{t, hosttest.New(t, hosttest.Config{
		Systemd: &hosttest.SystemdConfig{Units: c.behave},
		Files:   map[string]hosttest.File{"/run/systemd/system": {Dir: true}, "/etc/systemd/system": {Dir: true}},
	})}
}

func (p played) host() *host.Host { return p.Host() }

func (p played) put(name string, f hosttest.File) {
	old, err := os.Lstat(p.Path(name))
	p.Put(name, f)
	for err == nil && !newer(p.t, p.Path(name), old) {
		p.Put(name, f)
	}
}

func (p played) remove(name string)  { p.Delete(name) }
func (p played) crash(unit string)   { p.Systemd().Crash(unit, 7) }
func (p played) trigger(unit string) { check(p.t, p.Systemd().Trigger(unit)) }

// newer reports whether the file at a path has another time than old has: only so can anyone see that
// it was written again.
func newer(t *testing.T, name string, old fs.FileInfo) bool {
	t.Helper()
	now, err := os.Lstat(name)
	check(t, err)
	return now.ModTime().After(old.ModTime())
}

// booted is the machine that the test runs on.
type booted struct {
	t *testing.T
	h *host.Host
}

func newBooted(t *testing.T) booted {
	h, err := host.Open(host.Options{})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	return booted{t, h}
}

func (b booted) host() *host.Host { return b.h }

func (b booted) put(name string, f hosttest.File) {
	check(b.t, os.MkdirAll(filepath.Dir(name), 0o755))
	old, err := os.Lstat(name)
	for {
		if f.Link != "" {
			_ = os.Remove(name) // a link cannot be made over what is there, if anything is
			check(b.t, os.Symlink(f.Link, name))
		} else {
			check(b.t, os.WriteFile(name, []byte(f.Content), 0o644))
		}
		if err != nil || newer(b.t, name, old) {
			return
		}
	}
}

func (b booted) remove(name string) { check(b.t, os.RemoveAll(name)) }

func (b booted) crash(unit string) {
	b.awaitTrap(unit)
	out, err := exec.Command("systemctl", "kill", "--kill-whom=main", "-s", "USR1", unit).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
}

// awaitTrap waits until the main process of a unit has its trap for SIGUSR1, the tenth signal: without it
// the signal would end it otherwise than the case says.
func (b booted) awaitTrap(unit string) {
	out, err := exec.Command("systemctl", "show", "-P", "MainPID", unit).Output()
	check(b.t, err)
	status := "/proc/" + strings.TrimSpace(string(out)) + "/status"
	await(b.t, "a trap in "+unit, func() bool {
		text, err := os.ReadFile(status)
		check(b.t, err)
		_, caught, _ := strings.Cut(string(text), "SigCgt:")
		caught, _, _ = strings.Cut(strings.TrimSpace(caught), "\n")
		mask, err := strconv.ParseUint(caught, 16, 64)
		check(b.t, err)
		return mask&(1<<9) != 0
	})
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for limit := time.Now().Add(settleLimit); !met(); {
		if time.Now().After(limit) {
			t.Fatalf("waited %s for %s", settleLimit, what)
		}
		pause()
	}
}

func pause() { <-time.After(10 * time.Millisecond) }

// trigger connects to the socket /run/<unit>, as every socket of the cases listens there.
func (b booted) trigger(unit string) {
	conn, err := net.Dial("unix", filepath.Join("/run", unit))
	check(b.t, err)
	b.t.Cleanup(func() { conn.Close() })
}

// clean leaves the machine as if a case had never been.
func (b booted) clean(c unitCase) {
	ctx := b.t.Context()
	for _, u := range c.units() {
		_ = b.h.Units.Do(ctx, host.StopUnit, u) // most were never started
	}
	for _, name := range c.paths() {
		check(b.t, os.RemoveAll(name))
	}
	check(b.t, b.h.Units.Do(ctx, host.DaemonReload, ""))
	for _, u := range c.units() {
		check(b.t, b.h.Units.Do(ctx, host.ResetFailed, u))
	}
}

// unitCase is something that is done to units, and what comes of it.
type unitCase struct {
	name string
	// before, where not 0, is the first version of systemd that does it otherwise.
	before int
	// files are there from the start. A name without a slash lies in /run/systemd/system.
	files  map[string]string
	behave map[string]hosttest.Behaviour
	steps  []unitStep
}

// unitStep changes files, then tells systemd something, then looks.
type unitStep struct {
	put    map[string]string // a text that begins with "->" is a link
	remove []string
	do     string // such as "start x.service", or "crash x.service", "trigger x.socket"
	within time.Duration
	// err is how a job ended otherwise than well, text a part of the error.
	err, text string
	// want is what is read of units afterwards: their states, in words.
	want map[string]string
}

func place(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join("/run/systemd/system", name)
}

func content(text string) hosttest.File {
	if target, ok := strings.CutPrefix(text, "->"); ok {
		return hosttest.File{Link: target}
	}
	return hosttest.File{Content: text}
}

// units lists the units of a case, paths what it may have made.
func (c unitCase) units() (out []string) {
	for _, s := range c.steps {
		for name := range s.want {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (c unitCase) paths() (out []string) {
	for name := range c.files {
		out = append(out, place(name))
	}
	for _, s := range c.steps {
		for name := range s.put {
			out = append(out, place(name))
		}
	}
	for _, name := range slices.Clone(out) {
		if dir := path.Dir(name); strings.HasPrefix(path.Base(dir), "a0-") { // the drop-ins of a unit of ours
			out = append(out, dir)
		}
	}
	return out
}

// cleanLater is clean for a test that is over, whose context has ended.
func (b booted) cleanLater(c unitCase) {
	for _, u := range c.units() {
		_ = exec.Command("systemctl", "kill", "-s", "KILL", u).Run() // fails for what does not run
	}
	for _, name := range c.paths() {
		check(b.t, os.RemoveAll(name))
	}
}

// onBoth runs a test on the played and on the real systemd, which have the unit files.
func onBoth(t *testing.T, files map[string]string, test func(t *testing.T, w world)) {
	on := func(t *testing.T, w world) {
		if b, ok := w.(booted); ok {
			b.have(files)
		}
		for name, text := range files {
			w.put(place(name), content(text))
		}
		test(t, w)
	}
	t.Run("played", func(t *testing.T) { on(t, newPlayed(t, unitCase{})) })
	t.Run("real", func(t *testing.T) {
		needLab(t)
		on(t, newBooted(t))
	})
}
