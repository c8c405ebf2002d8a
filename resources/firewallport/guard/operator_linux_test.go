package guard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// proc is a /proc in which the process under test is 100.
type proc map[string]hosttest.File

func (p proc) add(pid, parent int, name string, environ ...string) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat := fmt.Sprintf("%d (%s) S %d %s", pid, name, parent, strings.Repeat("0 ", 20))
	p[dir+"stat"] = hosttest.File{Content: stat}
	p[dir+"environ"] = hosttest.File{Content: strings.Join(environ, "\x00") + "\x00"}
}

// From where a program was started follows from its ancestors, and in a multiplexer from who is attached.
func TestOperator(t *testing.T) {
	const a, b = "SSH_CONNECTION=192.0.2.9 1000 192.0.2.1 22", "SSH_CONNECTION=fe80::1%eth0 2000 fe80::2 22"
	from := map[string]string{a: "192.0.2.9:1000", b: "[fe80::1]:2000"}
	for name, tt := range map[string]struct {
		fill func(p proc)
		want []string
	}{
		"console":      {func(p proc) { p.add(100, 1, "agent", "HOME=/") }, nil},
		"ssh":          {func(p proc) { p.add(100, 1, "agent", "HOME=/", a) }, []string{from[a]}},
		"not first":    {func(p proc) { p.add(100, 1, "agent", "MY_"+a, "HOME=/") }, nil},
		"sudo":         {func(p proc) { p.add(100, 60, "agent"); p.add(60, 50, "a) S 1 (b"); p.add(50, 1, "bash", a) }, []string{from[a]}},
		"not by a net": {func(p proc) { p.add(100, 1, "agent", "SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535") }, nil},
		"mapped":       {func(p proc) { p.add(100, 1, "agent", "SSH_CONNECTION=::ffff:192.0.2.9 1000 ::ffff:192.0.2.1 22") }, []string{from[a]}},
		"tmux": {func(p proc) {
			p.add(100, 60, "agent")
			p.add(60, 50, "bash", a)
			p.add(50, 1, "tmux: server", a)
			p.add(80, 70, "tmux: client")
			p.add(70, 1, "bash", b)
		}, []string{from[a], from[b]}},
		"screen": {func(p proc) {
			p.add(100, 50, "agent")
			p.add(50, 1, "screen", a)
			p.add(80, 1, "screen", b)
		}, []string{from[a], from[b]}},
		"a multiplexer beside": {func(p proc) {
			p.add(100, 1, "agent", a)
			p.add(80, 1, "tmux: client", b)
		}, []string{from[a]}},
	} {
		t.Run(name, func(t *testing.T) {
			files := proc{"/proc/self": {Link: "100"}}
			files.add(1, 0, "init")
			tt.fill(files)
			m := hosttest.New(t, hosttest.Config{Files: files})
			all, err := guard.Operator(m.View().Files)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, remote := range all {
				got = append(got, remote.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// The ports of a socket of systemd, in the ways to write them, with what drop-ins say last.
func TestListenStreams(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/a": {Content: "[Unit]\nListenStream=9\n[Socket]\nListenStream=22\nListenStream=0.0.0.0:2022\nListenStream=/run/x\nListenStream=[::1]:23\n"},
		"/b": {Content: "[Socket]\nListenStream=\nListenStream=[::]:2222\n"},
	}})
	if got := guard.ListenStreams(m.View().Files, "/a", ""); !slices.Equal(got, []uint16{22, 2022, 23}) {
		t.Error(got)
	}
	if got := guard.ListenStreams(m.View().Files, "/a", "/b", "/gone"); !slices.Equal(got, []uint16{2222}) {
		t.Error(got)
	}
}

// Whatever was there, and whatever is asked for: taking a change back brings it back, from wherever the change got.
func TestBackIsBack(t *testing.T) {
	line := rapid.Custom(func(t *rapid.T) owner.Line {
		return owner.Line{Key: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key"), Text: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "text")}
	})
	some := rapid.SliceOfNDistinct(line, 0, 4, func(l owner.Line) string { return l.Key })
	rapid.Check(t, func(t *rapid.T) {
		was, out, in := lines(some.Draw(t, "was")...), some.Draw(t, "out"), some.Draw(t, "in")
		backOut, backIn := guard.Back(was, out, in)
		reached := lines()
		for _, l := range was {
			reached[l.Key] = l
		}
		steps := rapid.IntRange(0, len(out)+len(in)).Draw(t, "steps")
		reached = swapped(reached, out[:min(steps, len(out))], in[:max(0, steps-len(out))])
		reached = swapped(reached, backOut, backIn)
		if fmt.Sprint(reached) != fmt.Sprint(was) {
			t.Errorf("%v, want %v", reached, was)
		}
	})
}
