package firewalld_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld/firewalldtest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// inside is a host with a firewalld of its own, which the test may disturb.
type inside struct {
	*host.Host
	t       *testing.T
	changes int
	// before, where not nil, is called before the change of that number.
	before map[int]func()
}

// lab skips the test outside of such a machine. At its end firewalld runs as it did at the beginning.
func lab(t *testing.T) *inside {
	t.Helper()
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs a machine of its own with firewalld: internal/lab/scenarios runs it in one")
	}
	h := &inside{t: t, before: map[int]func(){}}
	real, err := host.Open(host.Options{Watch: func(host.Op) error {
		if f := h.before[h.changes]; f != nil {
			f()
		}
		h.changes++
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { real.Close() })
	h.Host = real
	h.up()
	return h
}

func (h *inside) run(argv ...string) string {
	h.t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

func (h *inside) cmd(args ...string) string {
	h.t.Helper()
	return h.run(append([]string{"firewall-cmd"}, args...)...)
}

// up has firewalld running, and with its rules in the kernel: systemd takes it for started before that.
func (h *inside) up() {
	h.t.Helper()
	h.run("systemctl", "start", "firewalld.service")
	h.cmd("--get-default-zone")
}

// state is what systemd says of firewalld: active, inactive or failed.
func (h *inside) state() string {
	out, err := exec.Command("systemctl", "is-active", "firewalld.service").Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) { // which says the same as what is printed
		h.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// filter is what the kernel has.
func (h *inside) filter() []string {
	h.t.Helper()
	return strings.Split(h.run("nft", "list", "ruleset"), "\n")
}

// picture is all that firewalld and the kernel have.
func (h *inside) picture() []string {
	h.t.Helper()
	all := h.filter()
	for _, args := range [][]string{{"--list-all-zones"}, {"--permanent", "--list-all-zones"}} {
		zone := ""
		for line := range strings.Lines(h.cmd(args...)) {
			if line = strings.TrimRight(line, "\n"); line != "" && line[0] != ' ' && line[0] != '\t' {
				zone = line
			}
			all = append(all, args[0]+" "+zone+": "+line)
		}
	}
	slices.Sort(all) // rich rules are told in no order
	return all
}

// setUp is a firewalld that others have set up, what runs alone too.
func (h *inside) setUp() {
	h.t.Helper()
	for _, args := range [][]string{
		{"--permanent", "--add-port=8005-8006/tcp", "--add-port=8010-8020/tcp", "--add-port=8003/tcp"},
		{"--permanent", `--add-rich-rule=rule family="ipv4" source address="10.9.0.0/16" port port="8000" protocol="tcp" accept`},
		{"--permanent", `--add-rich-rule=rule priority="7" port port="8000" protocol="tcp" log prefix="x" accept`},
		{"--reload"},
		{"--add-port=7777/tcp"},
		{`--add-rich-rule=rule family="ipv4" source address="10.8.0.0/16" port port="7778" protocol="tcp" accept`},
		{"--zone=work", "--add-port=7779/udp"},
	} {
		h.cmd(args...)
	}
	h.t.Cleanup(h.reset)
}

// reset is a fresh firewalld.
func (h *inside) reset() {
	h.t.Helper()
	h.run("systemctl", "stop", "firewalld.service")
	h.run("sh", "-c", "rm -rf /etc/firewalld/zones/*")
	h.up()
}

// Every form of rule is set, read back and known to firewalld; a second time nothing is called; and taken out again the
// kernel, firewalld and its configuration are what they were, with what others have.
func TestInsideRules(t *testing.T) {
	h := lab(t)
	h.setUp()
	before, filter := h.picture(), h.filter()
	started := h.run("systemctl", "show", "--value", "--property", "InvocationID", "firewalld.service")
	for name, r := range rules() {
		ls := lines(t, h.View(), r)
		there := read(t, h.View()).Persistent
		fresh := slices.DeleteFunc(slices.Clone(ls), func(l owner.Line) bool { return there[l.Key] == l })
		set(t, h.Host, nil, ls)
		s := read(t, h.View())
		has(t, name+", running", s.Running, ls)
		has(t, name+", persistent", s.Persistent, ls)
		if len(fresh) > 0 && slices.Equal(filter, h.filter()) {
			t.Errorf("%s: the kernel has what it had", name)
		}
		h.changes = 0
		set(t, h.Host, nil, ls)
		if h.changes != 0 {
			t.Errorf("%s: the second time took %d calls", name, h.changes)
		}
		set(t, h.Host, fresh, nil)
		same(t, name+", taken out again", filter, h.filter())
	}
	same(t, "everything, after all", before, h.picture())
	same(t, "it was not started again", started, h.run("systemctl", "show", "--value", "--property", "InvocationID", "firewalld.service"))
}

// A real firewalld answers as the one that other tests have.
func TestInsideParity(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	fake := firewalldtest.New(nil)
	compared := 0
	for _, step := range parity() {
		if step.reload {
			h.cmd("--reload")
			fake.Reload()
			continue
		}
		ask, played := h.ask, step.call
		if step.persistentOf != "" {
			played.Path = "/org/fedoraproject/FirewallD1/config/zone/" + step.persistentOf
			ask = func(host.BusCall) ([]any, error) { return h.askZone(step) }
		}
		want, wantErr := ask(step.call)
		got, gotErr := fake.Call(t.Context(), played)
		same(t, step.String(), inOrder(want), inOrder(got))
		same(t, step.String(), said(wantErr), said(gotErr))
		compared++
	}
	t.Logf("compared %d answers", compared)
}

// A range of ours and the ports of others around it, as a real firewalld merges and splits them.
func TestInsideRanges(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	ports := func() string { return h.cmd("--list-ports") + h.cmd("--permanent", "--list-ports") }
	h.cmd("--add-port=8000-8010/tcp")
	h.cmd("--permanent", "--add-port=8000-8010/tcp")
	filter, before := h.filter(), ports()
	within := lines(t, h.View(), rule("8005"))
	has(t, "within a range, running", read(t, h.View()).Running, within)
	has(t, "within a range, persistent", read(t, h.View()).Persistent, within)
	for _, words := range []string{"8000-8010", "8002-8004", "7990-8005", "8011-8020"} {
		ls := lines(t, h.View(), rule(words))
		set(t, h.Host, nil, ls)
		has(t, words, read(t, h.View()).Running, ls)
		set(t, h.Host, ls, nil)
		same(t, words+" come and gone", filter, h.filter())
		same(t, words+" come and gone", before, ports())
	}
	set(t, h.Host, within, nil)
	same(t, "taken out of the middle", strings.Repeat("8000-8004/tcp 8006-8010/tcp\n", 2), ports())

	one := lines(t, h.View(), rule("9005"))
	set(t, h.Host, nil, one)
	h.cmd("--add-port=9000-9010/tcp")
	has(t, "within what somebody has added since", read(t, h.View()).Running, one)
}

// An interface that moves to another zone takes its rules' lines there.
func TestInsideZones(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	h.cable()
	h.cmd("--zone=internal", "--change-interface=lab0")
	for _, words := range [][]string{{"8000"}, {"8000", "@lab0"}} {
		same(t, "moved", []string{"internal: port 8000/tcp"}, texts(lines(t, h.View(), rule(words...))))
	}
	same(t, "another one", []string{"public: port 8000/tcp"}, texts(lines(t, h.View(), rule("8000", "@lab9"))))
	h.cmd("--zone=work", "--add-source=198.51.100.0/24")
	h.cmd("--zone=drop", "--add-source=203.0.113.0/24")
	same(t, "bound by source", []string{"internal: port 8000/tcp", "work: port 8000/tcp"}, texts(lines(t, h.View(), rule("8000"))))
}

// As many lines as a rule may have, in both states.
func TestInsideMany(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	before := h.picture()
	r := rule("8000")
	for i := range 299 {
		r.Ports = append(r.Ports, owner.Range{First: uint16(9000 + 2*i), Last: uint16(9000 + 2*i)})
	}
	ls := lines(t, h.View(), r)
	start := time.Now()
	set(t, h.Host, nil, ls)
	took := time.Since(start)
	start = time.Now()
	s := read(t, h.View())
	t.Logf("%d lines of both states: set in %v, read in %v", len(ls), took, time.Since(start))
	has(t, "running", s.Running, ls)
	has(t, "persistent", s.Persistent, ls)
	set(t, h.Host, ls, nil)
	same(t, "taken out again", before, h.picture())
}
