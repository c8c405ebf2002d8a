package ufw

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

// world is a machine with ufw whose packet filter is played, or is that of a kernel.
type world struct {
	*hosttest.Machine
	t *testing.T
	// load loads the rules files anew, as a reload does.
	load func()
	// iptables does one command of iptables-restore by another's hand.
	iptables func(f family, command string)
}

// worlds are the machine that is played, and those with iptables on the kernel's nf_tables and on its tables of old, in
// network namespaces.
func worlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("played", func(t *testing.T) { test(t, played(t)) })
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) { test(t, inNamespace(t, backend)) })
	}
}

// files are those of the machine, with rules of others in that of IPv4.
func worldConfig() hosttest.Config {
	c := ufwtest.Config(ufwtest.Options{})
	c.Files["/etc/ufw/user.rules"] = hosttest.File{Content: withForeign(), Mode: 0o640}
	return c
}

func played(t *testing.T) *world {
	w := &world{Machine: hosttest.New(t, worldConfig()), t: t}
	w.load = func() { ufwtest.Boot(w.Machine) }
	w.iptables = func(f family, command string) {
		input := "*filter\n" + command + "\nCOMMIT\n"
		_, err := w.Host().Programs.RunInput(t.Context(), []byte(input), f.restore, "-n")
		check(t, err)
	}
	w.load()
	return w
}

func inNamespace(t *testing.T, backend string) *world {
	ns := netns.New(t)
	c := worldConfig()
	run := func(_ context.Context, argv []string, stdin []byte) (host.Output, error) {
		name := strings.Replace(argv[0], "tables-", "tables-"+backend+"-", 1)
		var out, errs bytes.Buffer
		cmd := exec.Command(name, argv[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
		ns.Start(cmd)
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return host.Output{Stdout: out.Bytes(), Stderr: errs.Bytes(), Exit: exit.ExitCode()}, nil
		}
		return host.Output{Stdout: out.Bytes(), Stderr: errs.Bytes()}, err
	}
	for _, name := range []string{"iptables-save", "ip6tables-save", "iptables-restore", "ip6tables-restore"} {
		if _, err := exec.LookPath(strings.Replace(name, "tables-", "tables-"+backend+"-", 1)); err != nil {
			t.Skipf("needs %s for %s: apt install iptables", name, backend)
		}
		c.Programs[name] = func(ctx context.Context, _ *hosttest.Machine, argv []string, stdin []byte) (host.Output, error) {
			return run(ctx, argv, stdin)
		}
	}
	w := &world{Machine: hosttest.New(t, c), t: t}
	restore := func(f family, input string, more ...string) {
		t.Helper()
		if out, err := run(t.Context(), append([]string{f.restore}, more...), []byte(input)); err != nil || out.Exit != 0 {
			t.Fatalf("%s: %v, %s\n%s", f.restore, err, out.Stderr, input)
		}
	}
	w.load = func() {
		for _, f := range []family{ipv4(), ipv6()} {
			restore(f, ufwtest.Frame(f.prefix))
			restore(f, w.Get(f.file), "-n")
		}
	}
	w.iptables = func(f family, command string) { restore(f, "*filter\n"+command+"\nCOMMIT\n", "-n") }
	w.load()
	return w
}

// saved is what runs in ufw's chains for the user, chain by chain.
func (w *world) saved() string {
	w.t.Helper()
	var all []string
	for _, f := range []family{ipv4(), ipv6()} {
		out, err := w.View().Programs.Query(w.t.Context(), f.save, "-t", "filter")
		check(w.t, err)
		all = append(all, userRules(f, string(out.Stdout)))
	}
	return strings.Join(all, "")
}

// userRules are those that iptables-save has printed of ufw's chains for the user, by chain.
func userRules(f family, saved string) string {
	var lines []string
	for line := range strings.Lines(saved) {
		if strings.HasPrefix(line, "-A "+f.prefix+"-user-") {
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(strings.Fields(a)[1], strings.Fields(b)[1]) })
	return strings.Join(lines, "")
}

// files are what persists.
func (w *world) files() string { return w.Get(ipv4().file) + w.Get(ipv6().file) }

func (w *world) read() *owner.State {
	w.t.Helper()
	s, err := Owner{}.Read(w.t.Context(), w.View())
	check(w.t, err)
	return s
}

func (w *world) lines(rules ...owner.Rule) (out []owner.Line) {
	w.t.Helper()
	for _, r := range rules {
		ls, err := Owner{}.Lines(w.t.Context(), w.View(), r)
		check(w.t, err)
		out = append(out, ls...)
	}
	return out
}

func (w *world) run(out, in []owner.Line) {
	w.t.Helper()
	check(w.t, Owner{}.SetRunning(w.t.Context(), w.Host(), out, in))
}

func (w *world) persist(out, in []owner.Line) {
	w.t.Helper()
	check(w.t, Owner{}.SetPersistent(w.t.Context(), w.Host(), out, in))
}

func (w *world) same(what, want, got string) {
	w.t.Helper()
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		w.t.Errorf("%s: %s", what, d)
	}
}

// running fails the test unless these lines run, and none of those.
func (w *world) running(there, gone []owner.Line) {
	w.t.Helper()
	s := w.read()
	for _, l := range there {
		l = owner.Running(Owner{}, l)
		if s.Running[l.Key] != l {
			w.t.Errorf("%q runs as %q", l.Text, s.Running[l.Key].Text)
		}
	}
	for _, l := range gone {
		l = owner.Running(Owner{}, l)
		if s.Running[l.Key] == l {
			w.t.Errorf("%q runs", l.Text)
		}
	}
}

// before are the lines that match the same as those of in, as they are.
func before(state map[string]owner.Line, in []owner.Line) (out []owner.Line) {
	for _, l := range in {
		if b, ok := state[l.Key]; ok {
			out = append(out, b)
		}
	}
	return out
}

func cases() map[string][]owner.Rule {
	v6 := owner.Rule{Protocol: "udp", Ports: ports(500, 510), IPv6: true, Sources: from("2001:db8::/32", "fe80::1/128"), Interfaces: []string{"eth0", "wg-0"}}
	named := owner.Rule{Protocol: "tcp", Ports: ports(8000, 8000, 9000, 9010), IPv4: true, IPv6: true,
		Sources: from("10.0.0.1/32", "192.168.0.0/16", "2001:db8::/32"), Interfaces: []string{"eth0"}, Comment: `API, "größer" \ $(x)`}
	limited := wide("tcp", 8000, 8000)
	limited.Rate = rate()
	ssh := wide("tcp", 22, 22)
	both := wide("tcp", 9999, 9999)
	return map[string][]owner.Rule{
		"a port": {wide("tcp", 7000, 7000)}, "IPv6 only": {v6}, "sources, interface, comment, ranges": {named},
		"in the place of a deny that logs": {wide("tcp", 8000, 8000)}, "a limit in its place": {limited},
		"in the place of a limit": {ssh}, "one that looks like a part of another's": {both}, "many at once": {v6, named, limited, ssh, both, wide("udp", 1, 65535)},
	}
}
