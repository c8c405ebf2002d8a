package nft

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// installed is a machine with nft and nftables.service, as a distribution installs them.
func installed() map[string]hosttest.File {
	return map[string]hosttest.File{
		"/usr/sbin/nft": {Mode: 0o755},
		"/etc/systemd/system/sysinit.target.wants/x":   {Link: "/dev/null"},
		"/usr/lib/systemd/system/nftables.service":     {Content: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"},
		"/usr/lib/systemd/system/network-pre.target":   {Content: "[Unit]\n"},
		"/usr/lib/systemd/system/sysinit.target":       {Content: "[Unit]\n"},
		"/usr/lib/systemd/system/shutdown.target":      {Content: "[Unit]\n"},
		"/etc/nftables.conf":                           {Content: "flush ruleset\n"},
		"/usr/lib/systemd/systemd":                     {Mode: 0o755},
		"/sbin/init":                                   {Link: "/usr/lib/systemd/systemd"},
		"/etc/passwd":                                  {Content: "root:x:0:0::/root:/bin/sh\n"},
		"/etc/systemd/system/multi-user.target.wants/": {Dir: true},
	}
}

func live(t *testing.T) *hosttest.Machine {
	t.Helper()
	return hosttest.New(t, hosttest.Config{Files: installed(), Programs: map[string]hosttest.Program{}, Systemd: &hosttest.SystemdConfig{Active: []string{"nftables.service"}}})
}

func image(t *testing.T) *hosttest.Machine {
	t.Helper()
	return hosttest.New(t, hosttest.Config{Files: installed(), Offline: true})
}

func persist(t *testing.T, m *hosttest.Machine, out, in []owner.Line) {
	t.Helper()
	if err := (Owner{}).SetPersistent(t.Context(), m.Host(), out, in); err != nil {
		t.Fatal(err)
	}
}

func persisted(t *testing.T, m *hosttest.Machine) *owner.State {
	t.Helper()
	s, err := Owner{}.Read(t.Context(), m.View())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lasting fails the test unless exactly the lines persist, and nothing is wrong.
func lasting(t *testing.T, m *hosttest.Machine, want ...owner.Line) {
	t.Helper()
	s := persisted(t, m)
	if s.PersistentDamage != "" {
		t.Errorf("damage: %s", s.PersistentDamage)
	}
	got := slices.Collect(maps.Values(s.Persistent))
	if texts(got) != texts(want) {
		t.Errorf("what persists is\n%s\nnot\n%s", texts(got), texts(want))
	}
}

func three(t testing.TB) []owner.Line {
	t.Helper()
	return lines(t, ruleOf("tcp", "80"), ruleOf("tcp", "8000,9000-9010", sources("10.0.0.0/8"), comment("API")), ruleOf("udp", "53", rate(1, "minute")))
}

func TestPersists(t *testing.T) {
	ls := three(t)
	for name, machine := range map[string]func(*testing.T) *hosttest.Machine{"on a host": live, "in an image": image} {
		t.Run(name, func(t *testing.T) {
			m := machine(t)
			before := m.Dump()
			lasting(t, m)
			persist(t, m, nil, nil)
			persist(t, m, ls, nil)
			if m.Changes() != 0 {
				t.Errorf("of nothing came %v", m.Ops())
			}
			persist(t, m, nil, ls[:2])
			lasting(t, m, ls[:2]...)
			first := m.Dump()
			if got := m.Get(scriptPath); got != script(entriesOf(t, ls[:2])) {
				t.Errorf("the script is\n%s", got)
			}
			persist(t, m, ls[:1], ls[1:])
			lasting(t, m, ls[1:]...)
			persist(t, m, ls[2:], ls[:1])
			if got := m.Dump(); got != first {
				t.Errorf("restored, it is\n%s\nnot\n%s", got, first)
			}
			m.Reset()
			persist(t, m, nil, ls[:2])
			if m.Changes() != 0 {
				t.Errorf("what is there was written again: %v", m.Ops())
			}
			persist(t, m, ls, nil)
			lasting(t, m)
			if got := m.Dump(); got != before {
				t.Errorf("in the end there is\n%s\nnot\n%s", got, before)
			}
		})
	}
}

// An image is given no running state, and none of this kernel's.
func TestImageHasNoRunningState(t *testing.T) {
	if s := persisted(t, image(t)); s.Running != nil || s.RunningDamage != "" {
		t.Errorf("%+v", s)
	}
}

// What systemd has of nftables.service is told anew when the drop-in comes and when it goes.
func TestSystemdIsTold(t *testing.T) {
	m := live(t)
	reloads := func() (n int) {
		for _, op := range m.Ops() {
			if op.Name == "dbus" && op.Path == "daemon-reload" {
				n++
			}
		}
		return n
	}
	ls := three(t)
	persist(t, m, nil, ls[:1])
	if reloads() != 1 {
		t.Errorf("systemd was told %d times: %v", reloads(), m.Ops())
	}
	persist(t, m, nil, ls)
	if reloads() != 1 {
		t.Error("another script is nothing to systemd")
	}
	persist(t, m, ls, nil)
	if reloads() != 2 {
		t.Errorf("systemd was told %d times", reloads())
	}
	for _, name := range []string{unitName, otherUnit} {
		st, err := m.View().Units.State(t.Context(), name)
		if err != nil || st.NeedReload || len(st.DropIns) > 0 {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}

// A run that is stopped before any of its changes arrives when it is run again; what is there meanwhile can be read.
func TestStoppedAnywhereArrives(t *testing.T) {
	ls := three(t)
	for name, step := range map[string]struct{ there, out, in, want []owner.Line }{
		"made":    {nil, nil, ls, ls},
		"changed": {ls[:2], ls[:1], ls[2:], ls[1:]},
		"removed": {ls, ls, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			stopped := 0
			whole := live(t)
			persist(t, whole, nil, step.there)
			persist(t, whole, step.out, step.in)
			for n := 1; ; n++ {
				m := live(t)
				if step.there != nil {
					persist(t, m, nil, step.there)
				}
				m.StopAt(n)
				err := Owner{}.SetPersistent(t.Context(), m.Host(), step.out, step.in)
				if !m.Fired() {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				if err == nil {
					t.Fatalf("stopped before change %d, it says nothing", n)
				}
				stopped++
				m.Reset()
				persisted(t, m)
				persist(t, m, step.out, step.in)
				lasting(t, m, step.want...)
				if got := m.Dump(); got != whole.Dump() {
					t.Errorf("stopped before change %d and run again, there is\n%s\nnot\n%s", n, got, whole.Dump())
				}
			}
			t.Logf("stopped at %d points", stopped)
			if stopped < 3 {
				t.Errorf("only %d points", stopped)
			}
		})
	}
}

func TestPersistentDamageIsFoundAndRepaired(t *testing.T) {
	ls := three(t)
	text := func(s string) hosttest.File { return hosttest.File{Content: s} }
	of := func(name string) string { m := image(t); persist(t, m, nil, ls); return m.Get(name) }
	good := of(scriptPath)
	damages := []struct {
		name, path string
		file       hosttest.File
		says       string
		left       int
	}{
		{"the table was edited", scriptPath, text(strings.Replace(good, "10.0.0.0/8,", "0.0.0.0/0,", 1)), "is not as it was written", 3},
		{"a rule was edited", scriptPath, text(strings.Replace(good, `"ports":"80"`, `"ports":"81"`, 1)), "is not as it was written", 3},
		{"a rule that is none", scriptPath, text(strings.Replace(good, `"ports":"80"`, `"ports":"x"`, 1)), "has a rule that is not ours", 2},
		{"a rule in another form", scriptPath, text(strings.Replace(good, `"ports":"80"`, `"ports":"080"`, 1)), "has a rule that is not ours", 2},
		{"a rule twice", scriptPath, text(good + ruleMark + `{"protocol":"tcp","ports":"80","comment":"x"}` + "\n"), "two rules for tcp 80", 3},
		{"more in it", scriptPath, text(good + "flush ruleset\n"), "is not as it was written", 3},
		{"cut short", scriptPath, text(good[:len(good)/2]), "is not as it was written", 3},
		{"empty", scriptPath, text(""), "is there, and no rule is", 0},
		{"the mode", scriptPath, hosttest.File{Content: good, Mode: 0o600}, "has the mode 0600", 3},
		{"the owner", scriptPath, hosttest.File{Content: good, UID: 1, GID: 1}, "the owner 1:1", 3},
		{"a link instead", scriptPath, hosttest.File{Link: "/etc/nftables.conf"}, "is there, and no rule is", 0},
		{"the unit was edited", unitPath, text(of(unitPath) + "# x\n"), "is not as it was written", 3},
		{"the unit is masked", unitPath, hosttest.File{Link: "/dev/null"}, "is a symlink", 3},
		{"the drop-in was edited", dropInPath, text("[Service]\n"), "is not as it was written", 3},
		{"another link", linkPath, hosttest.File{Link: "/dev/null"}, "is no link to", 3},
		{"a file instead of the link", linkPath, text("x"), "is no link to", 3},
	}
	for _, name := range []string{unitPath, dropInPath, linkPath} {
		damages = append(damages, struct {
			name, path string
			file       hosttest.File
			says       string
			left       int
		}{"without " + name, name, hosttest.File{}, "is missing", 3})
	}
	found := 0
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			m := live(t)
			persist(t, m, nil, ls)
			was := m.Dump()
			m.Delete(d.path)
			if d.says != "is missing" {
				m.Put(d.path, d.file)
			}
			if d.says == "the owner 1:1" && os.Getuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			s := persisted(t, m)
			if !strings.Contains(s.PersistentDamage, d.path) || !strings.Contains(s.PersistentDamage, d.says) || len(s.Persistent) != d.left {
				t.Errorf("says %q, not that %s %s; %d rules are left", s.PersistentDamage, d.path, d.says, len(s.Persistent))
			}
			found++
			persist(t, m, slices.Collect(maps.Values(s.Persistent)), ls)
			lasting(t, m, ls...)
			if got := m.Dump(); got != was {
				t.Errorf("repaired, it is\n%s\nnot\n%s", got, was)
			}
		})
	}
	t.Logf("%d damages, %d found", len(damages), found)
	if found != len(damages) {
		t.Errorf("%d damages, and %d found", len(damages), found)
	}
}

// A file that is left by itself is damage too, and goes.
func TestLeftovers(t *testing.T) {
	for _, name := range []string{unitPath, dropInPath, linkPath, scriptPath} {
		m := live(t)
		before := m.Dump()
		m.Put(name, hosttest.File{Content: "x"})
		if got := persisted(t, m).PersistentDamage; !strings.Contains(got, name) {
			t.Errorf("of %s says %q", name, got)
		}
		persist(t, m, nil, nil)
		lasting(t, m)
		if got := m.Dump(); got != before {
			t.Errorf("there remains\n%s", got)
		}
	}
}

func TestHostsWithoutWhatLoads(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(map[string]hosttest.File)
		says   string
	}{
		"no nft":     {func(f map[string]hosttest.File) { delete(f, "/usr/sbin/nft") }, "install the package nftables"},
		"no systemd": {func(f map[string]hosttest.File) { delete(f, "/usr/lib/systemd/systemd"); delete(f, "/sbin/init") }, "there is no systemd"},
	} {
		t.Run(name, func(t *testing.T) {
			files := installed()
			tt.change(files)
			m := hosttest.New(t, hosttest.Config{Files: files, Offline: true, Facts: &host.Facts{OS: "linux"}})
			err := Owner{}.SetPersistent(t.Context(), m.Host(), nil, three(t))
			if err == nil || !strings.Contains(err.Error(), tt.says) || m.Changes() != 0 {
				t.Errorf("says %v, after %v", err, m.Ops())
			}
			if got := (Owner{}).Persists(m.View()); got == nil || got.Error() != err.Error() {
				t.Errorf("and before %v", got)
			}
			persist(t, m, three(t), nil)
		})
	}
}

// nft is where the distribution has it, and one that was there is missed when it is gone.
func TestWhereNFTIs(t *testing.T) {
	for _, at := range []string{"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"} {
		files := installed()
		delete(files, "/usr/sbin/nft")
		files[at] = hosttest.File{Mode: 0o755}
		m := hosttest.New(t, hosttest.Config{Files: files, Offline: true})
		persist(t, m, nil, three(t))
		for _, name := range []string{unitPath, dropInPath} {
			if got := m.Get(name); !strings.Contains(got, at+" -f "+scriptPath) {
				t.Errorf("%s is\n%s", filepath.Base(name), got)
			}
		}
		m.Delete(at)
		if got := persisted(t, m).PersistentDamage; !strings.Contains(got, "install the package nftables") {
			t.Errorf("nft is gone, and what is said is %q", got)
		}
	}
}

func TestAnyLinesPersist(t *testing.T) {
	m := image(t)
	rapid.Check(t, func(rt *rapid.T) {
		ls := distinct(t, rapid.SliceOfN(anyRule(), 0, 6).Draw(rt, "rules"))
		persist(t, m, slices.Collect(maps.Values(persisted(t, m).Persistent)), ls)
		lasting(t, m, ls...)
		if t.Failed() {
			rt.Fatalf("of\n%s", texts(ls))
		}
	})
}
