package firewalld_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld/firewalldtest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// foreign is a firewalld that others have set up, in ways that lie close to what rules ask for.
func foreign() zones {
	return zones{"public": {
		Ports: []string{"22/tcp", "8003/tcp", "8005-8006/tcp", "8010-8020/tcp"},
		Rules: []string{
			`rule family="ipv4" source address="10.9.0.0/255.255.0.0" port port="8000" protocol="tcp" accept`,
			`rule port port="8003-8004" protocol="tcp" accept`,
		},
	}}
}

// What is set is read back in both states, a second time nothing is called, what runs alone is gone after a reload,
// and taken out again everything is as it was.
func TestRoundTrip(t *testing.T) {
	for name, r := range rules() {
		t.Run(name, func(t *testing.T) {
			f := newRig(t, foreign(), 0)
			f.Change(false, "public", func(z *firewalldtest.Zone) { z.Ports = append(z.Ports, "9999/tcp") })
			before := []*firewalldtest.Zone{f.Running("public"), f.Persistent("public")}
			ls := lines(t, f.host.View(), r)
			there := read(t, f.host.View()).Persistent
			fresh := slices.DeleteFunc(slices.Clone(ls), func(l owner.Line) bool { return there[l.Key] == l })
			set(t, f.host, nil, ls)
			s := read(t, f.host.View())
			has(t, "running", s.Running, ls)
			has(t, "persistent", s.Persistent, ls)
			if n := len(f.changes); n != 2*len(fresh) {
				t.Errorf("%d lines took %d calls", len(fresh), n)
			}
			f.changes = nil
			set(t, f.host, nil, ls)
			same(t, "the second time", []string(nil), f.changes)
			set(t, f.host, fresh, nil)
			same(t, "taken out again", before, []*firewalldtest.Zone{f.Running("public"), f.Persistent("public")})
		})
	}
}

// Stopped before any call, and called again, it arrives, also backwards.
func TestInterrupted(t *testing.T) {
	before := zones{"public": {Rules: []string{
		`rule port port="8000" protocol="tcp" accept limit value="5/m"`, `rule port port="8000" protocol="tcp" accept`,
	}, Ports: []string{"8001/tcp"}}}
	arrive := func(f *rig, persistent bool, out, in []owner.Line) error {
		if persistent {
			return fw.SetPersistent(t.Context(), f.host, out, in)
		}
		return fw.SetRunning(t.Context(), f.host, out, in)
	}
	for _, persistent := range []bool{false, true} {
		found, hit := -1, 0
		for stop := 0; found < 0 || stop < found; stop++ {
			f := newRig(t, before, 0)
			in := append(lines(t, f.host.View(), rule("8000", "10/minute")), lines(t, f.host.View(), rule("8002-8004", "10.0.0.0/8"))...)
			was := read(t, f.host.View()).Running
			out := []owner.Line{was[in[0].Key], was["public: port 8001/tcp"]}
			if found < 0 {
				if err := arrive(f, persistent, out, in); err != nil {
					t.Fatal(err)
				}
				found = len(f.changes)
				if err := arrive(f, persistent, in, out); err != nil {
					t.Fatal(err)
				}
				f = newRig(t, before, 0)
			}
			f.limit = stop
			if err := arrive(f, persistent, out, in); !errors.Is(err, errStopped) {
				t.Fatalf("stopped before call %d: %v", stop, err)
			}
			hit++
			f.limit = -1
			if stop%2 == 0 { // go on
				if err := arrive(f, persistent, out, in); err != nil {
					t.Fatal(err)
				}
				s := read(t, f.host.View())
				state := map[bool]map[string]owner.Line{false: s.Running, true: s.Persistent}[persistent]
				has(t, "went on", state, in)
				if _, there := state["public: port 8001/tcp"]; there || len(state) != len(in) {
					t.Errorf("went on from call %d: %v", stop, state)
				}
				continue
			}
			if err := arrive(f, persistent, in, out); err != nil {
				t.Fatal(err)
			}
			s := read(t, f.host.View())
			same(t, "went back, running", was, s.Running)
			same(t, "went back, persistent", was, s.Persistent)
		}
		t.Logf("persistent %v: found %d calls, stopped before %d", persistent, found, hit)
		if hit != found || found < 5 {
			t.Errorf("found %d calls, stopped before %d", found, hit)
		}
	}
}

// A port lies in ranges that others have opened, and ranges of ours beside them.
func TestRanges(t *testing.T) {
	f := newRig(t, zones{"public": {Ports: []string{"8000-8010/tcp"}}}, 0)
	before := f.Running("public")
	v := f.host.View()

	within := lines(t, v, rule("8005"))
	has(t, "a port within a range", read(t, v).Running, within)
	set(t, f.host, nil, within)
	same(t, "it is there already", []string(nil), f.changes)

	for _, words := range []string{"8000-8010", "8002-8004", "7990-8005", "8005-8020", "7000-9000", "8011-8012"} {
		ls := lines(t, v, rule(words))
		if _, there := read(t, v).Running[ls[0].Key]; there {
			t.Errorf("%s is there already: %q", words, ls)
		}
		set(t, f.host, nil, ls)
		has(t, words, read(t, v).Running, ls)
		set(t, f.host, ls, nil)
		same(t, words+" come and gone", before, f.Running("public"))
	}

	set(t, f.host, within, nil)
	same(t, "taken out of the middle", []string{"8000-8004/tcp", "8006-8010/tcp"}, f.Running("public").Ports)
	if _, there := read(t, v).Running[within[0].Key]; there {
		t.Error("taken out of the middle, it is still there")
	}
	set(t, f.host, nil, within)
	has(t, "put back", read(t, v).Persistent, within)
}

// Others spell addresses, masks and limits in other ways, and have what no rule of ours says.
func TestSpelling(t *testing.T) {
	spelled := []string{
		`rule family="ipv4" source address="10.0.0.1/32" port port="8000" protocol="tcp" accept`,
		`rule family="ipv4" source address="192.168.7.7/16" port port="8000" protocol="tcp" accept`,
		`rule family="ipv4" source address="172.16.0.0/255.240.0.0" port port="8000" protocol="tcp" accept`,
		`rule family="ipv6" source address="2001:0DB8:0::/32" port port="8000" protocol="tcp" accept limit value="3/m"`,
	}
	others := []string{
		`rule priority="5" port port="8000" protocol="tcp" accept`,
		`rule family="ipv4" source NOT address="10.1.0.0/16" port port="8000" protocol="tcp" accept`,
		`rule family="ipv4" source address="10.2.0.0/16" port port="8000" protocol="tcp" log accept`,
		`rule family="ipv4" source address="10.2.0.0/16" port port="8000" protocol="tcp" drop`,
		`rule family="ipv4" source ipset="x" port port="8000" protocol="tcp" accept`,
		`rule service name="ssh" accept`,
	}
	f := newRig(t, zones{"public": {Rules: append(append([]string(nil), spelled...), others...)}}, 0)
	ls := lines(t, f.host.View(), rule("8000", "10.0.0.1/32", "192.168.0.0/16", "172.16.0.0/12"))
	ls = append(ls, lines(t, f.host.View(), rule("8000", "2001:db8::/32", "3/minute"))...)
	has(t, "spelled otherwise", read(t, f.host.View()).Running, ls)
	if n := len(read(t, f.host.View()).Running); n != len(ls) {
		t.Errorf("%d lines, not %d", n, len(ls))
	}
	set(t, f.host, nil, ls)
	same(t, "there already", []string(nil), f.changes)
	set(t, f.host, ls, nil)
	same(t, "what is others'", others, f.Running("public").Rules)
}

// Two rules of one match are one line, which goes and comes back as a whole.
func TestTwoOfAKey(t *testing.T) {
	both := zones{"public": {Rules: []string{
		`rule port port="8000" protocol="udp" accept`, `rule port port="8000" protocol="udp" accept limit value="5/s"`,
	}}}
	f := newRig(t, both, 0)
	in := lines(t, f.host.View(), rule("8000", "udp", "10/minute"))
	was := read(t, f.host.View()).Running[in[0].Key]
	if want := `public: rule port port="8000" protocol="udp" accept; accept limit value="5/s"`; was.Text != want {
		t.Errorf("read as %q, not %q", was.Text, want)
	}
	set(t, f.host, []owner.Line{was}, in)
	same(t, "changed", []string{`rule port port="8000" protocol="udp" accept limit value="10/m"`}, f.Running("public").Rules)
	set(t, f.host, in, []owner.Line{was})
	same(t, "and back", both["public"].Rules, f.Running("public").Rules)
	limited := owner.Line{Key: was.Key, Text: strings.Replace(was.Text, "accept; ", "", 1)}
	set(t, f.host, []owner.Line{was}, []owner.Line{limited})
	same(t, "one stays", both["public"].Rules[1:], f.Running("public").Rules)
}

// What cannot be done says why, and what to do.
func TestRefusals(t *testing.T) {
	setRunning := func(ctx context.Context, f *rig) error {
		ls, err := fw.Lines(ctx, f.host.View(), rule("8000"))
		if err != nil {
			return err
		}
		return fw.SetRunning(ctx, f.host, nil, ls)
	}
	setPersistent := func(ctx context.Context, f *rig) error {
		return fw.SetPersistent(ctx, f.host, nil, []owner.Line{{Key: "public: port 8000/tcp", Text: "public: port 8000/tcp"}})
	}
	asks := func(ctx context.Context, f *rig) error { _, err := fw.Read(ctx, f.host.View()); return err }
	asksLines := func(ctx context.Context, f *rig) error {
		_, err := fw.Lines(ctx, f.host.View(), rule("8000"))
		return err
	}
	lateRule := func(ctx context.Context, f *rig) error {
		_, err := fw.Lines(ctx, f.host.View(), rule("8000", "1/day"))
		return err
	}
	manyLines := func(ctx context.Context, f *rig) error {
		r := rule()
		for p := uint16(1); p < 1000; p += 2 {
			r.Ports = append(r.Ports, owner.Range{First: p, Last: p})
		}
		_, err := fw.Lines(ctx, f.host.View(), r)
		return err
	}
	elsewhere := func(ctx context.Context, f *rig) error {
		return fw.SetRunning(ctx, f.host, nil, []owner.Line{{Text: "nowhere: port 8000/tcp"}})
	}
	nothing := func(*rig) {}
	for _, tt := range []struct {
		name string
		put  func(*rig)
		do   func(context.Context, *rig) error
		says []string
	}{
		{"panic mode", func(f *rig) { f.Panicked = true }, setRunning, []string{"8000/tcp", "zone public", "firewall-cmd --panic-off"}},
		{"lockdown", func(f *rig) { f.Locked = true }, setRunning, []string{"firewall-cmd --lockdown-off", "lockdown-whitelist.xml"}},
		{"lockdown, persistent", func(f *rig) { f.Locked = true }, setPersistent, []string{"firewall-cmd --lockdown-off"}},
		{"down", func(f *rig) { f.Down = true }, setRunning, []string{"firewalld does not run", "systemctl enable --now firewalld"}},
		{"down, read", func(f *rig) { f.Down = true }, asks, []string{"firewalld does not run"}},
		{"failed", func(f *rig) { f.Failed = true }, asks, []string{"firewall-offline-cmd --check-config", "systemctl restart firewalld"}},
		{"failed, lines", func(f *rig) { f.Failed = true }, asksLines, []string{"firewall-offline-cmd --check-config"}},
		{"failed, persistent", func(f *rig) { f.Failed = true }, setPersistent, []string{"RUNNING_BUT_FAILED", "systemctl restart firewalld"}},
		{"it goes away", func(f *rig) { f.Fail = goneAway }, setRunning, []string{"firewalld.service has ended", "systemctl start firewalld"}},
		{"it hangs", func(f *rig) { f.Fail = hangs }, setRunning, []string{"does not answer", "systemctl status firewalld.service"}},
		{"one a day", nothing, lateRule, []string{"1/day", "2/day"}},
		{"too many lines", nothing, manyLines, []string{"500 lines", "300"}},
		{"no such zone", nothing, elsewhere, []string{"no zone nowhere"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRig(t, nil, 0)
			tt.put(f)
			err := tt.do(t.Context(), f)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
		})
	}
}

// What was told to go from a zone that is gone has gone.
func TestZoneGone(t *testing.T) {
	f := newRig(t, nil, 0)
	set(t, f.host, []owner.Line{{Text: "nowhere: port 8000/tcp"}}, nil)
}

// enabledUnit is an installed firewalld that starts at boot.
func enabledUnit(more map[string]string) map[string]string {
	out := map[string]string{
		"/usr/lib/systemd/system/firewalld.service":                     "[Service]\nExecStart=/usr/sbin/firewalld\n[Install]\nWantedBy=multi-user.target\n",
		"/etc/systemd/system/multi-user.target.wants/firewalld.service": "-> /usr/lib/systemd/system/firewalld.service",
	}
	for name, content := range more {
		out[name] = content
	}
	return out
}

// One that does not run is not active, however it is installed, and is not started to find out.
func TestActive(t *testing.T) {
	f := newRig(t, nil, 0)
	if on, err := firewalld.Active(t.Context(), f.host.View()); err != nil || !on {
		t.Errorf("running: %v, %v", on, err)
	}
	f.Down = true
	if on, err := firewalld.Active(t.Context(), f.host.View()); err != nil || on {
		t.Errorf("down: %v, %v", on, err)
	}
	disabled := enabledUnit(nil)
	delete(disabled, "/etc/systemd/system/multi-user.target.wants/firewalld.service")
	for name, tt := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"enabled":       {enabledUnit(nil), true},
		"disabled":      {disabled, false},
		"not installed": {nil, false},
		"masked":        {enabledUnit(map[string]string{"/etc/systemd/system/firewalld.service": "-> /dev/null"}), false},
	} {
		if on, err := firewalld.Active(t.Context(), image(t, tt.files).View()); err != nil || on != tt.want {
			t.Errorf("%s in an image: %v, %v", name, on, err)
		}
	}
}

func TestNarrows(t *testing.T) {
	f := newRig(t, nil, 0)
	get := func(words ...string) []owner.Line { return lines(t, f.host.View(), rule(words...)) }
	for name, tt := range map[string]struct {
		out, in []owner.Line
		want    bool
	}{
		"nothing":                {nil, nil, false},
		"another port goes":      {get("23"), nil, false},
		"it goes":                {get("22"), nil, true},
		"it goes in a range":     {get("20-25"), nil, true},
		"it goes for some":       {get("22", "10.0.0.0/8"), nil, true},
		"its udp goes":           {get("22", "udp"), nil, false},
		"it comes":               {nil, get("22"), false},
		"it comes with a rate":   {nil, get("22", "5/minute"), true},
		"others come with one":   {nil, get("23", "5/minute"), false},
		"a range comes with one": {nil, get("1-100", "5/minute"), true},
		"what nobody can read":   {[]owner.Line{{Text: "?"}}, nil, true},
	} {
		if got := fw.Narrows(tt.out, tt.in, 22); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// image is one with these files; one that begins with "-> " is a link.
func image(t *testing.T, files map[string]string) *host.Host {
	t.Helper()
	return newImage(t, files).Host()
}
