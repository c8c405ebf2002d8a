package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// world is a host with an sshd, and somewhere else from where one can log in. It has a network, processes and a state
// of its own.
type world struct {
	t          testing.TB
	host, peer *netns.NS
	dir        string // what it has as /var/lib
	self       string
	enter      []string // what leads into it
	systemd    bool
}

// newWorld makes one without systemd.
func newWorld(t testing.TB) *world {
	t.Helper()
	for _, p := range []string{"unshare", "nsenter", "mount", "nft"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs the program %s: apt install util-linux mount nftables", p)
		}
	}
	w := &world{t: t, dir: t.TempDir()}
	w.host, w.peer = netns.Pair(t)
	w.boot()
	w.sshd()
	return w
}

// boot starts its first process, in a network of which the packet filter is empty.
func (w *world) boot() {
	w.t.Helper()
	w.self = own(w.t)
	ready := filepath.Join(w.dir, "ready")
	first := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
		`mount --bind "$1" /var/lib && exec "$2" role init /var/lib/ready`, "sh", w.dir, w.self)
	first.Stderr = os.Stderr
	w.host.Start(first)
	w.t.Cleanup(func() { _ = first.Process.Kill(); _ = first.Wait() })
	pid := ""
	w.until("the first process", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first.Process.Pid, first.Process.Pid))
		pid = strings.TrimSpace(string(b))
		_, err := os.Stat(ready)
		return pid != "" && err == nil
	})
	if err := os.Remove(ready); err != nil {
		w.t.Fatal(err)
	}
	w.enter = []string{"nsenter", "-t", pid, "--mount", "--pid", "--net", "--"}
}

func own(t testing.TB) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// restart ends all that runs in it, and loses what the kernel had.
func (w *world) restart() {
	w.t.Helper()
	pid, err := strconv.Atoi(w.enter[2])
	if err == nil {
		var p *os.Process
		if p, err = os.FindProcess(pid); err == nil {
			err = p.Kill()
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("its end", func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d/ns/pid", pid)); return err != nil })
	w.host.Run("nft", "flush", "ruleset")
	w.boot()
}

// sshd starts one, which is known by its name.
func (w *world) sshd() {
	w.t.Helper()
	link := filepath.Join(w.t.TempDir(), "sshd")
	if err := os.Symlink(w.self, link); err != nil {
		w.t.Fatal(err)
	}
	cmd := w.command(link, "role", "sshd")
	cmd.Stderr = os.Stderr
	w.host.Start(cmd)
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	w.until("sshd", func() bool {
		c, err := w.dial(w.peer, "192.0.2.1")
		if err == nil {
			err = c.Close()
		}
		return err == nil
	})
}

// command runs in the world, and descends from no process of it.
func (w *world) command(argv ...string) *exec.Cmd {
	argv = append(append([]string{}, w.enter...), argv...)
	return exec.Command(argv[0], argv[1:]...)
}

// argv is a role with its job.
func (w *world) argv(role string, j job) []string {
	w.t.Helper()
	j.Systemd = w.systemd
	b, err := json.Marshal(j)
	if err != nil {
		w.t.Fatal(err)
	}
	return []string{w.self, "role", role, string(b)}
}

// console runs a role as from a console: there is no SSH_CONNECTION.
func (w *world) console(role string, j job) (string, error) {
	w.t.Helper()
	cmd := w.command(w.argv(role, j)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	w.host.Start(cmd)
	err := cmd.Wait()
	return out.String(), err
}

func (w *world) dial(from *netns.NS, address string) (c net.Conn, err error) {
	from.Do(func() error {
		d := net.Dialer{Timeout: time.Second}
		c, err = d.DialContext(context.Background(), "tcp", net.JoinHostPort(address, "22"))
		return nil
	})
	return c, err
}

// login is a connection from elsewhere.
func (w *world) login() *remote {
	w.t.Helper()
	return w.loginFrom(w.peer, "192.0.2.1")
}

func (w *world) loginFrom(from *netns.NS, address string) *remote {
	w.t.Helper()
	c, err := w.dial(from, address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return &remote{w: w, c: c, r: bufio.NewReader(c)}
}

// remote is somebody who is logged in.
type remote struct {
	w   *world
	c   net.Conn
	r   *bufio.Reader
	all strings.Builder
}

// start has a command run.
func (r *remote) start(argv ...string) {
	r.w.t.Helper()
	b, err := json.Marshal(argv)
	if err == nil {
		_, err = r.c.Write(append(b, '\n'))
	}
	if err != nil {
		r.w.t.Fatal(err)
	}
}

// sees waits for a line that has a text.
func (r *remote) sees(text string) string {
	r.w.t.Helper()
	if err := r.c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		r.w.t.Fatal(err)
	}
	for {
		line, err := r.r.ReadString('\n')
		r.all.WriteString(line)
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			r.w.t.Fatalf("it does not say %q: %v\n%s", text, err, r.all.String())
		}
	}
}

// runs has a command run to its end, and wants it to end so.
func (r *remote) runs(status int, argv ...string) string {
	r.w.t.Helper()
	r.start(argv...)
	return r.ends(status)
}

func (r *remote) ends(status int) string {
	r.w.t.Helper()
	if line := r.sees("EXIT "); line != fmt.Sprintf("EXIT exit status %d\n", status) {
		r.w.t.Errorf("it ended with %s\n%s", line, r.all.String())
	}
	defer r.all.Reset()
	return r.all.String()
}

// limit is how long anything is waited for.
const limit = 90 * time.Second

func (w *world) until(what string, condition func() bool) {
	w.t.Helper()
	for end := time.Now().Add(limit); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not so after %s; running %v, persistent %v, files %v", what, limit, w.running(), w.persistent(), w.files())
		}
	}
}

// running are the lines that run.
func (w *world) running() map[string]owner.Line {
	w.t.Helper()
	lines := map[string]owner.Line{}
	out, err := w.host.Try(nil, "nft", "list", "ruleset")
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	for _, m := range told.FindAllStringSubmatch(out, -1) {
		lines[m[1]] = owner.Line{Key: m[1], Text: m[2]}
	}
	return lines
}

func (w *world) persistent() map[string]owner.Line {
	w.t.Helper()
	lines := map[string]owner.Line{}
	b, err := os.ReadFile(filepath.Join(w.dir, filepath.Base(chainFile)))
	if err == nil {
		err = json.Unmarshal(b, &lines)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return lines
}

func (w *world) path(name string) string {
	return filepath.Join(w.dir, strings.TrimPrefix(name, "/var/lib"))
}

// files are those of changes that have not ended.
func (w *world) files() []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.path(engine.ConfirmDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// mark is what became of a run.
func (w *world) mark(run int) engine.RunMark {
	w.t.Helper()
	var m engine.RunMark
	b, err := os.ReadFile(w.path(engine.MarkPath(run)))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return m
}

// untilOf is when a change goes back, by its file.
func untilOf(b []byte) time.Time {
	var c struct{ Until time.Time }
	if err := json.Unmarshal(b, &c); err != nil {
		return time.Time{} // another file
	}
	return c.Until
}
