package unit

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
	said  = map[string]engine.List
)

const (
	cooler = "/etc/systemd/system/cooler.service"
	limits = "/etc/systemd/system/cooler.service.d/50-limits.conf"
	wants  = "/etc/systemd/system/multi-user.target.wants/cooler.service"
)

func ptr[T any](x T) *T { return &x }

// spec is a service with all that a block usually says of one.
func spec(change ...func(*Spec)) *Spec {
	s := &Spec{
		Name:    "cooler.service",
		Unit:    said{"Description": {"Fan curve"}, "After": {"basic.target", "network.target"}},
		Service: said{"ExecStart": {"/opt/cooler/run"}, "MemoryMax": {"64M"}, "NoNewPrivileges": {"true"}},
		Install: said{"WantedBy": {"multi-user.target"}},
		Enabled: ptr(true), State: running,
	}
	for _, f := range change {
		f(s)
	}
	return s
}

const written = header + `[Unit]
After=basic.target
After=network.target
Description=Fan curve

[Service]
ExecStart=/opt/cooler/run
MemoryMax=64M
NoNewPrivileges=true

[Install]
WantedBy=multi-user.target
`

// host is a machine with the unit of a distribution and that of the plan's, if text is not empty.
func with(text string, more ...files) files {
	out := files{
		"/opt/cooler/run":                                           {Content: "#!/bin/sh\n", Mode: 0o755},
		"/usr/lib/systemd/system/vendor.service":                    {Content: "[Service]\nExecStart=/usr/bin/vendor\n[Install]\nWantedBy=multi-user.target\n"},
		"/usr/lib/systemd/system/static.service":                    {Content: "[Service]\nExecStart=/usr/bin/static\n"},
		"/etc/systemd/system/multi-user.target.wants/other.service": {Link: "/usr/lib/systemd/system/other.service"},
		"/usr/lib/systemd/system/other.service":                     {Content: "[Service]\nExecStart=/usr/bin/other\n[Install]\nWantedBy=multi-user.target\n"},
	}
	if text != "" {
		out[cooler] = hosttest.File{Content: text}
	}
	for _, fs := range more {
		for name, f := range fs {
			out[name] = f
		}
	}
	return out
}

var link = files{wants: {Link: cooler}}

// swept are the cases that are also stopped and failed at every change of the machine: they have all
// kinds of changes between them, and a sweep is some thousand runs.
var swept = []string{
	"nothing there", "another [Install]", "masked by an empty file, and linked", "of our own",
	"one that the plan has no more, and one of another's", "disable and stop", "a socket whose service runs", "all of it",
	"a distribution's, which its presets disable",
}

func proves(t *testing.T, all cases) {
	t.Helper()
	converges(t, all)
	var some cases
	for _, c := range all {
		if slices.Contains(swept, c.Name) {
			some = append(some, c)
		}
	}
	enginetest.Converges(t, Kind(), some)
}

func on(active ...string) *hosttest.SystemdConfig { return &hosttest.SystemdConfig{Active: active} }

func TestOwnUnitConverges(t *testing.T) {
	other := "[Service]\nExecStart=/opt/cooler/run\nMemoryMax=32M\n[Install]\nWantedBy=multi-user.target\n"
	proves(t, cases{
		{Name: "nothing there", Files: with(""), Systemd: on(), Spec: spec(), Want: engine.Create},
		{Name: "as wanted", Files: with(written, link), Systemd: on("cooler.service"), Spec: spec(), Want: engine.NoOp},
		{Name: "other settings, and running", Files: with(other, link), Systemd: on("cooler.service"), Spec: spec(), Want: engine.Update},
		{Name: "other settings, a mode and attributes of its own", Systemd: on(), Want: engine.Update,
			Files: with("", files{cooler: {Content: other, Mode: 0o640, UID: 7, Xattrs: map[string]string{"user.a": "b"}}}), Spec: spec()},
		{Name: "the same in other words", Files: with("; by hand\n"+written[len(header):], link), Systemd: on("cooler.service"), Spec: spec(), Want: engine.Update},
		{Name: "no [Install] before", Files: with("[Service]\nExecStart=/opt/cooler/run\n"), Systemd: on("cooler.service"), Spec: spec(), Want: engine.Update},
		{Name: "another [Install]", Systemd: on("cooler.service"), Want: engine.Update, Spec: spec(func(s *Spec) { s.Install = said{"WantedBy": {"basic.target"}, "Alias": {"fan.service"}} }),
			Files: with(written, link, files{"/etc/systemd/system/old.target.wants/cooler.service": {Link: "../cooler.service"}})},
		{Name: "to be stopped and disabled", Files: with(written, link), Systemd: on("cooler.service"), Want: engine.Update,
			Spec: spec(func(s *Spec) { s.Enabled, s.State = ptr(false), stopped })},
		{Name: "enablement and state left alone", Files: with(other), Systemd: on(), Want: engine.Update,
			Spec: spec(func(s *Spec) { s.Enabled, s.State = nil, "" })},
		{Name: "masked where the file is to be", Files: with("", files{cooler: {Link: "/dev/null"}}), Systemd: on(), Spec: spec(), Want: engine.Update},
		{Name: "masked by an empty file, and linked", Files: with("", link, files{cooler: {}}), Systemd: on(), Spec: spec(), Want: engine.Update},
		{Name: "in place of a distribution's", Files: with("", files{"/usr/lib/systemd/system/cooler.service": {Content: other}}), Systemd: on("cooler.service"),
			Spec: spec(), Want: engine.Update},
		{Name: "brought along whole", Files: with(other), Systemd: on("cooler.service"), Sources: map[string]string{"c.service": "# mine\n[Service]\nExecStart=/opt/cooler/run\n"},
			Spec: &Spec{Name: "cooler.service", Source: "c.service", State: running}, Want: engine.Update},
		{Name: "an account that the plan makes", With: []engine.Declared{enginetest.Account("fan", 997)}, Systemd: on(), Want: engine.Create,
			Files: with("", files{"/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\n"}, "/etc/group": {Content: "root:x:0:\n"}}),
			Spec:  spec(func(s *Spec) { s.Service["User"] = engine.List{"fan"} })},
		{Name: "where no systemd runs", Files: with(""), Spec: spec(), Want: engine.Create},
	})
}

func TestDropinsConverge(t *testing.T) {
	extend := func(change ...func(*Spec)) *Spec {
		s := &Spec{Name: "vendor.service", Dropins: []Dropin{{Name: "50-limits", Service: said{"MemoryMax": {"32M"}}}}}
		for _, f := range change {
			f(s)
		}
		return s
	}
	const dir = "/etc/systemd/system/vendor.service.d/"
	proves(t, cases{
		{Name: "of a unit that runs", Files: with(""), Systemd: on("vendor.service"), Spec: extend(), Want: engine.Update},
		{Name: "of our own", Files: with(written, link), Systemd: on("cooler.service"), Want: engine.Update,
			Spec: spec(func(s *Spec) {
				s.Dropins = []Dropin{{Name: "50-limits", Content: engine.NewText("[Service]\nExecStart=\nExecStart=/opt/cooler/run fast\n")}}
			})},
		{Name: "as wanted", Systemd: on("vendor.service"), Spec: extend(), Want: engine.NoOp,
			Files: with("", files{dir + "50-limits.conf": {Content: header + "[Service]\nMemoryMax=32M\n"}})},
		{Name: "one that the plan has no more, and one of another's", Systemd: on("vendor.service"), Spec: extend(), Want: engine.Update,
			Files: with("", files{dir + "10-old.conf": {Content: header + "[Service]\nNice=5\n"}, dir + "20-mine.conf": {Content: "[Service]\nNice=6\n"}})},
		{Name: "no others", Systemd: on("vendor.service"), Spec: extend(func(s *Spec) { s.Exact = true }), Want: engine.Update,
			Files: with("", files{dir + "50-limits.conf": {Content: header + "[Service]\nMemoryMax=32M\n"}, dir + "20-mine.conf": {Content: "[Service]\nNice=6\n"}})},
		{Name: "that says [Install]", Files: with(""), Systemd: on(), Want: engine.Update,
			Spec: &Spec{Name: "static.service", Enabled: ptr(true), Dropins: []Dropin{{Name: "wanted", Install: said{"WantedBy": {"multi-user.target"}}}}}},
	})
}

func TestEnablementConverges(t *testing.T) {
	vendor := func(enabled, masked *bool, state string) *Spec {
		return &Spec{Name: "vendor.service", Enabled: enabled, Masked: masked, State: state}
	}
	yes, no := ptr(true), ptr(false)
	const file = "/usr/lib/systemd/system/vendor.service"
	is := files{"/etc/systemd/system/multi-user.target.wants/vendor.service": {Link: file}}
	proves(t, cases{
		{Name: "enable and start", Files: with(""), Systemd: on(), Spec: vendor(yes, nil, running), Want: engine.Update},
		{Name: "enabled already", Files: with("", is), Systemd: on(), Spec: vendor(yes, nil, ""), Want: engine.NoOp},
		{Name: "disable and stop", Files: with("", is), Systemd: on("vendor.service"), Spec: vendor(no, nil, stopped), Want: engine.Update},
		{Name: "disabled already", Files: with(""), Systemd: on(), Spec: vendor(no, nil, stopped), Want: engine.NoOp},
		{Name: "enabled until the next boot", Systemd: on(), Spec: vendor(yes, nil, ""), Want: engine.Update,
			Files: with("", files{"/run/systemd/system/multi-user.target.wants/vendor.service": {Link: file}})},
		{Name: "a folder for its link that is empty", Systemd: on(), Spec: vendor(yes, nil, ""), Want: engine.Update,
			Files: with("", files{"/etc/systemd/system/timers.target.wants": {Dir: true}, file: {Content: "[Service]\nExecStart=/x\n[Install]\nWantedBy=timers.target\n"}})},
		{Name: "no folder for its link", Systemd: on(), Spec: vendor(yes, nil, ""), Want: engine.Update,
			Files: with("", files{file: {Content: "[Service]\nExecStart=/x\n[Install]\nWantedBy=timers.target\n"}})},
		{Name: "mask and stop", Files: with("", is), Systemd: on("vendor.service"), Spec: vendor(no, yes, stopped), Want: engine.Update},
		{Name: "mask what is not there", Files: with("", files{"/etc/systemd/system": {Dir: true}}), Systemd: on(), Spec: &Spec{Name: "never.service", Masked: yes}, Want: engine.Create},
		{Name: "masked already", Files: with("", files{"/etc/systemd/system/vendor.service": {}}), Systemd: on(), Spec: vendor(nil, yes, ""), Want: engine.NoOp},
		{Name: "unmask, enable and start", Systemd: on(), Spec: vendor(yes, no, running), Want: engine.Update,
			Files: with("", is, files{"/etc/systemd/system/vendor.service": {Link: "/dev/null"}})},
		{Name: "masked until the next boot", Systemd: on(), Spec: vendor(yes, no, running), Want: engine.Update,
			Files: with("", files{"/run/systemd/system/vendor.service": {Link: "/dev/null"}})},
		{Name: "an instance", Systemd: on(), Spec: &Spec{Name: "tty@1.service", Enabled: yes, State: running}, Want: engine.Update,
			Files: with("", files{"/usr/lib/systemd/system/tty@.service": {Content: "[Service]\nExecStart=/bin/tty %i\n[Install]\nWantedBy=multi-user.target\n"}})},
		{Name: "a template", Systemd: on(), Spec: &Spec{Name: "tty@.service", Enabled: yes}, Want: engine.Update,
			Files: with("", files{"/usr/lib/systemd/system/tty@.service": {Content: "[Service]\nExecStart=/bin/tty %i\n[Install]\nWantedBy=multi-user.target\nDefaultInstance=1\n"}})},
		{Name: "with what it brings along", Systemd: on(), Spec: vendor(yes, nil, ""), Want: engine.Update,
			Files: with("", files{file: {Content: "[Service]\nExecStart=/x\n[Install]\nAlso=vendor.socket\nWantedBy=multi-user.target\n"},
				"/usr/lib/systemd/system/vendor.socket": {Content: "[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=multi-user.target\n"}})},
	})
}

func TestOtherTypesConverge(t *testing.T) {
	service := files{"/usr/lib/systemd/system/cool.service": {Content: "[Service]\nExecStart=/usr/bin/cool\n"}}
	proves(t, cases{
		{Name: "a socket whose service runs", Systemd: on("cool.socket", "cool.service"), Want: engine.Update,
			Files: with("", service, files{"/etc/systemd/system/cool.socket": {Content: "[Socket]\nListenStream=1\n"}}),
			Spec:  &Spec{Name: "cool.socket", Socket: said{"ListenStream": {"2"}}, State: running}},
		{Name: "a timer", Files: with("", service), Systemd: on(), Want: engine.Create,
			Spec: &Spec{Name: "cool.timer", Timer: said{"OnCalendar": {"daily"}}, Install: said{"WantedBy": {"timers.target"}}, Enabled: ptr(true), State: running}},
		{Name: "a slice, which is not restarted", Systemd: on("cool.slice"), Want: engine.Update,
			Files: with("", files{"/etc/systemd/system/cool.slice": {Content: "[Slice]\nMemoryMax=1G\n"}}),
			Spec:  &Spec{Name: "cool.slice", Slice: said{"MemoryMax": {"2G"}}, State: running}},
		{Name: "a command that ends", Systemd: on("once.service"), Want: engine.Update,
			Files: with("", files{"/etc/systemd/system/once.service": {Content: "[Service]\nType=oneshot\nExecStart=/bin/true\n"}}),
			Spec:  &Spec{Name: "once.service", Service: said{"Type": {"oneshot"}, "ExecStart": {"/bin/true", "/bin/true x"}}}},
		{Name: "a command that counts as running", Systemd: on("once.service"), Want: engine.Update,
			Files: with("", files{"/etc/systemd/system/once.service": {Content: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"}}),
			Spec:  &Spec{Name: "once.service", Service: said{"Type": {"oneshot"}, "RemainAfterExit": {"true"}, "ExecStart": {"/bin/true x"}}, State: running}},
	})
}

func TestRemovalConverges(t *testing.T) {
	gone := &Spec{Name: "cooler.service"}
	dropin := files{limits: {Content: header + "[Service]\nMemoryMax=1G\n"}, "/etc/systemd/system/cooler.service.d/mine.conf": {Content: "[Service]\nNice=1\n"}}
	proves(t, cases{
		{Name: "all of it", Files: with(written, link, dropin), Systemd: on("cooler.service"), Spec: gone, Absent: true, Want: engine.Remove},
		{Name: "what is not there", Files: with(""), Systemd: on(), Spec: gone, Absent: true, Want: engine.NoOp},
		{Name: "a mask", Files: with("", files{cooler: {Link: "/dev/null"}}), Systemd: on(), Spec: gone, Absent: true, Want: engine.Remove},
		{Name: "what the block says of it", Files: with(written, link, dropin), Systemd: on("cooler.service"), Spec: spec(), Absent: true, Want: engine.Remove},
	})
}

func TestImageConverges(t *testing.T) {
	vendor := &Spec{Name: "vendor.service", Enabled: ptr(true), State: running}
	off := files{"/usr/lib/systemd/system-preset/99-default.preset": {Content: "disable *\n"}, "/etc/systemd/system-preset/10-site.preset": {Content: "enable a.service\n"}}
	proves(t, cases{
		{Name: "a new unit", Offline: true, Files: with("", off), Spec: spec(), Want: engine.Create},
		{Name: "a distribution's, which its presets disable", Offline: true, Files: with("", off), Spec: vendor, Want: engine.Update},
		{Name: "a distribution's, which its presets enable", Offline: true, Files: with(""), Spec: vendor, Want: engine.Update},
		{Name: "to be disabled, which the presets do not", Offline: true, Files: with("", files{"/etc/systemd/system/multi-user.target.wants/vendor.service": {Link: "/usr/lib/systemd/system/vendor.service"}}),
			Spec: &Spec{Name: "vendor.service", Enabled: ptr(false)}, Want: engine.Update},
		{Name: "a mask", Offline: true, Files: with(""), Spec: &Spec{Name: "vendor.service", Masked: ptr(true)}, Want: engine.Update},
		{Name: "to go", Offline: true, Files: with(written, link, off), Spec: &Spec{Name: "cooler.service"}, Absent: true, Want: engine.Remove},
	})
}

// systemd itself has nothing against what is written.
func TestSystemdVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze: install systemd")
	}
	r := newRig(t, with(""), nil)
	own := spec(func(s *Spec) {
		s.Service["ExecStart"] = engine.List{"/bin/true %i 100%%"}
		s.Service["Environment"] = engine.List{"A=1", `"B=2 3"`}
		s.Dropins = []Dropin{{Name: "50-limits", Service: said{"ExecStart": {"", "/bin/false"}, "TasksMax": {"32"}}}}
	})
	r.must(r.apply(r.declare(own)))
	out, err := exec.Command(analyze, "verify", "--man=no", r.Path(cooler)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "cooler.service") {
		t.Errorf("%v\n%s", err, out)
	}
	r.Put(cooler, hosttest.File{Content: r.Get(cooler) + "MemoryMaximum=1\n"})
	if out, _ := exec.Command(analyze, "verify", "--man=no", r.Path(cooler)).CombinedOutput(); !strings.Contains(string(out), "MemoryMaximum") {
		t.Errorf("a slip is not noticed:\n%s", out)
	}
}
