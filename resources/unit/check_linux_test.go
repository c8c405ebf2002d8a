package unit

import (
	"context"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

func TestRefuses(t *testing.T) {
	vendor := func(enabled, masked *bool, state string) *Spec {
		return &Spec{Name: "vendor.service", Enabled: enabled, Masked: masked, State: state}
	}
	yes, no := ptr(true), ptr(false)
	null := files{"/etc/systemd/system/vendor.service": {Link: "/dev/null"}}
	unit := func(name, text string) files { return files{"/usr/lib/systemd/system/" + name: {Content: text}} }
	enginetest.Converges(t, Kind(), usual(on(), cases{
		{Name: "no such unit", Spec: &Spec{Name: "never.service", State: running}, Err: "this host has no unit never.service: say its sections"},
		{Name: "no such unit to extend", Files: files{"/etc/systemd/system/never.service.d/x": {}}, Spec: &Spec{Name: "never.service", Dropins: []Dropin{{Name: "a", Unit: said{"After": {"x.target"}}}}}, Err: "has no unit never.service"},
		{Name: "a folder in its place", Files: files{cooler + "/x": {}}, Spec: spec(), Err: "is a directory, not a unit file"},
		{Name: "another's link in its place", Files: files{cooler: {Link: "/opt/x.service"}, "/opt/x.service": {Content: "[Service]\nExecStart=/x\n"}}, Spec: spec(), Err: "is a link to /opt/x.service: nothing of it is touched"},
		{Name: "another name", Files: files{"/usr/lib/systemd/system/fan.service": {Link: "vendor.service"}}, Spec: &Spec{Name: "fan.service", State: running}, Err: "fan.service is another name of vendor.service: declare that"},
		{Name: "too large", Files: files{cooler: {Content: strings.Repeat("#", maxFile+1)}}, Spec: spec(), Err: "which no file of a unit is"},
		{Name: "enable what is masked", Files: null, Spec: vendor(yes, nil, ""), Err: "vendor.service is masked, so that nothing starts it: add masked = false"},
		{Name: "start what is masked", Files: null, Spec: vendor(nil, nil, running), Err: "add masked = false"},
		{Name: "mask what lies in /etc", Files: files{cooler: {Content: written}}, Spec: &Spec{Name: "cooler.service", Masked: yes}, Err: "lies in /etc itself, where the mask would have to be"},
		{Name: "enable what is static", Spec: &Spec{Name: "static.service", Enabled: yes}, Err: "static.service has no [Install] section: nothing to enable; add install = { WantedBy = \"multi-user.target\" }"},
		{Name: "enable what is generated", Files: files{"/run/systemd/generator/srv.mount": {Content: "[Mount]\nWhat=/dev/sdb\nWhere=/srv\n"}},
			Spec: &Spec{Name: "srv.mount", Enabled: yes}, Err: "srv.mount is made at every boot from another file"},
		{Name: "disable what is generated", Files: files{"/run/systemd/generator/srv.mount": {Content: "[Mount]\nWhat=/dev/sdb\nWhere=/srv\n"},
			"/run/systemd/system/local-fs.target.wants/srv.mount": {Link: "/run/systemd/generator/srv.mount"}},
			Spec: &Spec{Name: "srv.mount", Enabled: no}, Err: "or write masked = true"},
		{Name: "enable what is transient", Files: files{"/run/systemd/transient/job.service": {Content: "[Service]\nExecStart=/x\n"}},
			Spec: &Spec{Name: "job.service", Enabled: yes}, Err: "job.service was made by a program for as long as it runs"},
		{Name: "enable by way of others", Files: unit("also.service", "[Service]\nExecStart=/x\n[Install]\nAlso=vendor.service\n"),
			Spec: &Spec{Name: "also.service", Enabled: yes}, Err: "is enabled by way of others"},
		{Name: "enable what is garbled", Files: unit("bad.service", "[Service\nExecStart=/x\n"), Spec: &Spec{Name: "bad.service", Enabled: yes}, Err: "systemd cannot make use of the file of bad.service"},
		{Name: "start what is garbled", Files: unit("bad.service", "[Service\nExecStart=/x\n"), Spec: &Spec{Name: "bad.service", State: running}, Err: "systemd cannot load bad.service"},
		{Name: "start a command that ends", Files: unit("once.service", "[Service]\nType=oneshot\nExecStart=/x\n"), Spec: &Spec{Name: "once.service", State: running}, Err: "have a timer start it (once.timer)"},
		{Name: "start by hand what may not be", Files: unit("dep.service", "[Unit]\nRefuseManualStart=yes\n[Service]\nExecStart=/x\n"), Spec: &Spec{Name: "dep.service", State: running}, Err: "RefuseManualStart="},
		{Name: "stop by hand what may not be", Files: unit("dep.service", "[Unit]\nRefuseManualStop=yes\n[Service]\nExecStart=/x\n"), Systemd: on("dep.service"), Spec: &Spec{Name: "dep.service", State: stopped}, Err: "RefuseManualStop="},
		{Name: "remove what a package brings", Spec: &Spec{Name: "vendor.service"}, Absent: true, Err: "/usr/lib/systemd/system/vendor.service is there, where packages and generators put units: nothing here removes it"},
		{Name: "remove what hides a package's", Files: files{"/etc/systemd/system/vendor.service": {Content: "[Service]\nExecStart=/x\n"}}, Spec: &Spec{Name: "vendor.service"}, Absent: true,
			Err: "without its file in /etc the unit is that one again"},
	}))
}

// usual gives cases the files of the usual machine, and its service manager unless they have their own.
func usual(systemd *hosttest.SystemdConfig, cs cases) cases {
	for i := range cs {
		cs[i].Files = with("", cs[i].Files)
		if cs[i].Systemd == nil {
			cs[i].Systemd = systemd
		}
	}
	return cs
}

// fixed is a service manager that has one state of every unit.
type fixed struct{ host.UnitState }

func (f fixed) Unit(context.Context, string) (host.UnitState, error)     { return f.UnitState, nil }
func (f fixed) UnitOf(context.Context, int) (string, error)              { return "", nil }
func (f fixed) Do(_ context.Context, _ host.UnitVerb, name string) error { return nil }
func (f fixed) Close() error                                             { return nil }

// view is a machine whose units are all in the state st.
func view(t *testing.T, fs files, st host.UnitState) host.View {
	t.Helper()
	m := hosttest.New(t, hosttest.Config{Files: fs})
	h, err := host.Open(host.Options{Root: m.Path("/"), Facts: &host.Facts{OS: "linux"}, Units: fixed{st}, Programs: map[string]host.ProgramFunc{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h.View()
}

// Every state that systemd has for what runs, and what a plan takes it for.
func TestActiveStates(t *testing.T) {
	for _, c := range []struct {
		active, sub, result string
		wantRunning         string // what differs from state = "running"
		wantStopped         string
	}{
		{"active", "running", "success", "", "state: running → stopped"},
		{"active", "exited", "success", "", "state: running → stopped"},
		{"reloading", "reload", "success", "", "state: running → stopped"},
		{"refreshing", "refresh", "success", "", "state: running → stopped"},
		{"activating", "start", "success", "", "state: running → stopped"},
		{"activating", "start-post", "success", "", "state: running → stopped"},
		{"activating", "auto-restart", "success", "", "state: running → stopped"},
		{"activating", "auto-restart", "exit-code", "state: failed → running", "state: failed → stopped"},
		{"deactivating", "stop-sigterm", "success", "state: stopped → running", ""},
		{"inactive", "dead", "success", "state: stopped → running", ""},
		{"failed", "failed", "exit-code", "state: failed → running", ""},
		{"failed", "failed", "start-limit-hit", "state: failed → running", ""},
		{"maintenance", "cleaning", "success", "is in maintenance (cleaning)", "is in maintenance (cleaning)"},
	} {
		v := view(t, with(written), host.UnitState{Name: name, Load: "loaded", Active: c.active, Sub: c.sub, Result: c.result, Type: "simple", CanStart: true, CanStop: true})
		for state, want := range map[string]string{running: c.wantRunning, stopped: c.wantStopped} {
			if got := differs(t, v, &Spec{Name: name, State: state}); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%s (%s, %s), wanted %s: %q, want %q", c.active, c.sub, c.result, state, got, want)
			}
		}
	}
}

func differs(t *testing.T, v host.View, want *Spec) string {
	t.Helper()
	have, err := resource{}.Read(t.Context(), v, want)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, f := range (resource{}).Diff(have, want) {
		out = append(out, f.Name+": "+f.Have+" → "+f.Want)
	}
	return strings.Join(out, ", ")
}

// Every state that systemd has for a unit file, and what a plan takes it for.
func TestFileStates(t *testing.T) {
	const vendor = "/usr/lib/systemd/system/vendor.service"
	etc := "/etc/systemd/system/multi-user.target.wants/vendor.service"
	install := "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n"
	for _, c := range []struct {
		state  string
		files  files
		wanted [2]string // what differs from enabled = true and from false
		err    [2]string // why it cannot be so
	}{
		{"enabled", files{vendor: {Content: install}, etc: {Link: vendor}}, [2]string{"", "enabled: true → false"}, [2]string{}},
		{"enabled-runtime", files{vendor: {Content: install}, "/run/systemd/system/multi-user.target.wants/vendor.service": {Link: vendor}},
			[2]string{"enabled: enabled-runtime → true", "enabled: enabled-runtime → false"}, [2]string{}},
		{"disabled", files{vendor: {Content: install}}, [2]string{"enabled: disabled → true", ""}, [2]string{}},
		{"static", files{vendor: {Content: "[Service]\nExecStart=/x\n"}}, [2]string{"enabled: static → true", ""}, [2]string{"nothing to enable", ""}},
		{"indirect", files{vendor: {Content: "[Service]\nExecStart=/x\n[Install]\nAlso=other.service\n"}}, [2]string{"enabled: indirect → true", ""}, [2]string{"by way of others", ""}},
		{"linked", files{"/opt/vendor.service": {Content: install}, "/etc/systemd/system/vendor.service": {Link: "/opt/vendor.service"}},
			[2]string{"enabled: linked → true", ""}, [2]string{}},
		{"linked-runtime", files{"/opt/vendor.service": {Content: install}, "/run/systemd/system/vendor.service": {Link: "/opt/vendor.service"}},
			[2]string{"enabled: linked-runtime → true", ""}, [2]string{}},
		{"alias", files{vendor: {Link: "other.service"}, "/usr/lib/systemd/system/other.service": {Content: install}}, [2]string{"enabled: alias → true", ""}, [2]string{"is another name of other.service", ""}},
		{"masked", files{vendor: {Content: install}, "/etc/systemd/system/vendor.service": {Link: "/dev/null"}}, [2]string{"enabled: masked → true", ""}, [2]string{"add masked = false", ""}},
		{"masked-runtime", files{vendor: {Content: install}, "/run/systemd/system/vendor.service": {Link: "/dev/null"}}, [2]string{"enabled: masked-runtime → true", ""}, [2]string{"add masked = false", ""}},
		{"generated", files{"/run/systemd/generator/vendor.service": {Content: install}}, [2]string{"enabled: generated → true", "enabled: generated → false"}, [2]string{"made at every boot", "masked = true"}},
		{"transient", files{"/run/systemd/transient/vendor.service": {Content: install}}, [2]string{"enabled: transient → true", ""}, [2]string{"made by a program", ""}},
		{"bad", files{vendor: {Content: "[Service"}}, [2]string{"enabled: bad → true", ""}, [2]string{"cannot make use of the file", ""}},
	} {
		m := hosttest.New(t, hosttest.Config{Files: c.files, Systemd: on()})
		if state, err := unitfile.State(m.View().Files, "vendor.service"); err != nil || state != c.state {
			t.Errorf("the machine for %s has %s, %v", c.state, state, err)
		}
		for i, want := range []bool{true, false} {
			s := &Spec{Name: "vendor.service", Enabled: &want}
			if got := differs(t, m.View(), s); got != c.wanted[i] {
				t.Errorf("%s, wanted %v: %q, want %q", c.state, want, got, c.wanted[i])
			}
			have, err := resource{}.Read(t.Context(), m.View(), s)
			if err == nil && c.wanted[i] != "" {
				err = resource{}.Check(t.Context(), m.View(), have, s)
			}
			if (err == nil) != (c.err[i] == "") || err != nil && !strings.Contains(err.Error(), c.err[i]) {
				t.Errorf("%s, wanted %v: the error is %v, want %q", c.state, want, err, c.err[i])
			}
		}
	}
}

func TestWarns(t *testing.T) {
	for what, c := range map[string]struct {
		spec *Spec
		on   files
		with []engine.Declared
		want string
		not  bool
	}{
		"a unit that is not there": {spec: spec(func(s *Spec) { s.Unit["Requires"] = engine.List{"nvidia-persistenced.service"} }),
			want: "Requires=nvidia-persistenced.service: this host has no such unit, so cooler.service would not start; use Wants and After instead"},
		"that the plan brings": {spec: spec(func(s *Spec) { s.Unit["BindsTo"] = engine.List{"own.service"} }), want: "this host has no such unit", not: true,
			with: []engine.Declared{{Addr: "unit.own", Kind: Kind(), Spec: &Spec{Name: "own.service", Service: said{"ExecStart": {"/x"}}}}}},
		"that is there":          {spec: spec(func(s *Spec) { s.Unit["Requires"] = engine.List{"vendor.service basic.target"} }), want: "no such unit", not: true},
		"that is only wanted":    {spec: spec(func(s *Spec) { s.Unit["Wants"] = engine.List{"no.service"} }), want: "no such unit", not: true},
		"another's drop-in":      {spec: spec(), on: files{cooler + ".d/mine.conf": {Content: "[Service]\nNice=1\n"}}, want: cooler + ".d/mine.conf is not the plan's and changes the unit too"},
		"running until a reboot": {spec: spec(func(s *Spec) { s.Enabled = nil }), want: "cooler.service is started now, and not after a reboot"},
		"disabled and running":   {spec: spec(func(s *Spec) { s.Enabled = ptr(false) }), want: "not after a reboot"},
		"enabled and running":    {spec: spec(), want: "not after a reboot", not: true},
		"no such user":           {spec: spec(func(s *Spec) { s.Service["User"] = engine.List{"fan"} }), want: "cooler.service runs as the user fan, which this host lacks"},
		"a user that the plan makes": {spec: spec(func(s *Spec) { s.Service["User"] = engine.List{"fan"} }), want: "which this host lacks", not: true,
			with: []engine.Declared{enginetest.Account("fan", 997)}},
		"a user for each start": {spec: spec(func(s *Spec) { s.Service["User"], s.Service["DynamicUser"] = engine.List{"fan"}, engine.List{"yes"} }), want: "which this host lacks", not: true},
		"names of later systemds": {spec: &Spec{Name: name, Content: engine.NewText("[Service]\nExecStart=/x\nMemoryMaximum=1G\n")},
			want: "line 3 of its file: there is no Service directive MemoryMaximum; did you mean MemoryMax?"},
		"what a socket starts again": {spec: &Spec{Name: "vendor.service", State: stopped}, want: "vendor.service is started again by vendor.socket: stop that as well",
			on: files{"/usr/lib/systemd/system/vendor.socket": {Content: "[Socket]\nListenStream=1\n"}}},
	} {
		active := []string{"vendor.service"}
		if _, ok := c.on["/usr/lib/systemd/system/vendor.socket"]; ok {
			active = []string{"vendor.socket", "vendor.service"}
		}
		r := newRig(t, with("", c.on, files{"/etc/passwd": {Content: "root:x:0:0::/:/bin/sh\n"}, "/etc/group": {Content: "root:x:0:\n"}}), on(active...))
		if got := r.plan(append(c.with, r.declare(c.spec))...); strings.Contains(got, "warning: "+c.want) == c.not && strings.Contains(got, c.want) == c.not {
			t.Errorf("%s: the plan is\n%s\nwant a warning with %q: %v", what, got, c.want, !c.not)
		}
	}
}

func TestIrreversible(t *testing.T) {
	r := newRig(t, with(written, link), on(name))
	r.Delete(cooler)
	const says = "cannot be undone: it runs, and its file is gone already"
	gone := r.gone(&Spec{Name: name})
	if got := r.plan(gone); !strings.Contains(got, says) {
		t.Errorf("the plan is\n%s", got)
	}
	r.must(r.apply(gone))
	is(t, "the plan after it", r.plan(gone), "")
	r = newRig(t, with(written, link), on(name))
	if got := r.plan(r.gone(&Spec{Name: name})); strings.Contains(got, says) {
		t.Errorf("the plan is\n%s", got)
	}
}

// A start that fails says why, with what the service last wrote, and the next run tries again.
func TestFailures(t *testing.T) {
	for what, c := range map[string]struct {
		behaves hosttest.Behaviour
		change  func(*Spec)
		want    string
	}{
		"it ends at once": {hosttest.Behaviour{Exit: 3, Log: []string{"no fan"}}, func(s *Spec) { s.Service["Type"] = engine.List{"notify"} },
			"cannot start cooler.service: its main process exited with status 3; it is failed (failed)\n  no fan"},
		"it ends at once and nobody waits": {hosttest.Behaviour{Exit: 3}, func(*Spec) {}, "cannot start cooler.service: its main process exited with status 3"},
		"it is started too often":          {hosttest.Behaviour{StartLimit: 0, Exit: 1}, func(s *Spec) { s.Service["Type"] = engine.List{"forking"} }, "exited with status 1"},
		"a condition":                      {hosttest.Behaviour{}, func(s *Spec) { s.Unit["ConditionPathExists"] = engine.List{"/nothing"} }, "a Condition of it does not hold here"},
		"a file that is not there":         {hosttest.Behaviour{}, func(s *Spec) { s.Service["EnvironmentFile"] = engine.List{"/nothing"} }, "systemd could not set up what it needs"},
	} {
		config := on()
		config.Units = map[string]hosttest.Behaviour{name: c.behaves}
		r := newRig(t, with(""), config)
		_, err := r.apply(r.declare(spec(c.change)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", what, err, c.want)
		}
		if got := r.plan(r.declare(spec(c.change))); !strings.Contains(got, "  state: ") {
			t.Errorf("%s: the plan after it is\n%s", what, got)
		}
		r.must(r.undo(0))
	}
}

// What failed, or was started too often, is started once the plan wants it.
func TestStartsAfterFailure(t *testing.T) {
	config := on(name)
	config.Units = map[string]hosttest.Behaviour{name: {StartLimit: 2}}
	r := newRig(t, with(written, link), config)
	for range 2 {
		r.Systemd().Crash(name, 1)
		_ = r.Systemd().Do(t.Context(), host.StartUnit, name) // the second is one too many
	}
	is(t, "the plan", r.plan(r.declare(spec())), "change unit.it\n  state: failed → running")
	r.must(r.apply(r.declare(spec())))
	is(t, "systemd was told", r.jobs(), "reset-failed cooler.service, start cooler.service")
	r.Systemd().Crash(name, 1)
	is(t, "the plan that wants it stopped", r.plan(r.declare(spec(func(s *Spec) { s.State = stopped }))), "")
}
