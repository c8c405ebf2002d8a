package unit

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

type lists = map[string]engine.List

func TestValidate(t *testing.T) {
	is := func(b bool) *bool { return &b }
	start := lists{"ExecStart": {"/x"}}
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Label: "x", Service: start}, ""},
		{Spec{Name: "x@.service", Service: start, Install: lists{"WantedBy": {"a.target"}}, Enabled: is(true)}, ""},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"", "/x %i"}, "X-Own": {"1"}, "Type": {"oneshot"}}}, ""},
		{Spec{Name: "x.service", Enabled: is(false)}, ""},
		{Spec{Name: "x.target", Unit: lists{"Description": {"x"}}}, ""},
		{Spec{Name: "mnt-data.mount", Mount: lists{"What": {"/dev/sdb"}, "Where": {"/mnt/data"}}}, ""},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a", Service: lists{"ExecStart": {""}}}}}, ""},
		{Spec{Name: "x.service", Content: engine.NewText("[Service]\nExecStart=/x\n")}, ""},

		{Spec{Name: "x", Service: start}, "name: the unit name x must end with its type, such as x.service"},
		{Spec{Name: "../x.service", Service: start}, "name: the unit name"},
		{Spec{Name: "x.device", Unit: lists{"Description": {"x"}}}, "name: a device has no file"},
		{Spec{Name: "x.scope", State: running}, "name: a scope has no file"},
		{Spec{Name: "x.service"}, "nothing is said of x.service"},
		{Spec{Name: "x.service", Timer: lists{"OnCalendar": {"daily"}}}, `timer: a .service unit has no section [Timer]: say the unit's whole name, as in name = "x.timer"`},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"/x"}, "MemoryMaximum": {"1G"}}}, `service["MemoryMaximum"]: there is no Service directive MemoryMaximum; did you mean MemoryMax?`},
		{Spec{Name: "x.service", Unit: lists{"ExecStart": {"/x"}}, Service: start}, `unit["ExecStart"]: ExecStart belongs to [Service]`},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"/x\nUser=root"}}}, `has the end of a line in it`},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {`/x \`}}}, "ends with a backslash"},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {" /x"}}}, "has blanks around it"},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"/x"}, "X-A=B": {"1"}}}, "is not the name of a directive"},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"/x"}, "X-A\nB": {"1"}}}, "is not the name of a directive"},
		{Spec{Name: "x.service", Service: lists{"Nice": {"5"}}}, "service: a service needs ExecStart"},
		{Spec{Name: "x.service", Service: lists{"ExecStart": {"/x", "/y"}}}, "only a service of Type = \"oneshot\" has more than one ExecStart"},
		{Spec{Name: "x.timer", Timer: lists{"Unit": {"y.service"}}}, "timer: a timer needs a time"},
		{Spec{Name: "x.socket", Socket: lists{"Accept": {"yes"}}}, "socket: a socket needs an address"},
		{Spec{Name: "x.path", Path: lists{"Unit": {"y.service"}}}, "path: a path unit needs what it watches"},
		{Spec{Name: "x.mount", Mount: lists{"Where": {"/x"}}}, "mount: a mount needs What"},
		{Spec{Name: "x.mount", Mount: lists{"What": {"/dev/sdb"}, "Where": {"/mnt/data"}}}, `name: a mount unit has the name of its place: write name = "mnt-data.mount"`},
		{Spec{Name: "x.automount", Automount: lists{"Where": {"data"}}}, "automount: cannot write the path"},
		{Spec{Name: "x.service", Content: engine.NewText("[Service]\n"), Service: start}, "service: the unit's file is said in sections or brought along whole, not both"},
		{Spec{Name: "x.service", Content: engine.NewText("[Service]\n"), Source: "f"}, "content: the content is said here or comes from a source"},
		{Spec{Name: "x.service", Content: engine.NewSecret("[Service]\n")}, "content: this is sensitive. A unit's files can be read by everybody: put the secret into an env_file"},
		{Spec{Name: "x.service", Content: engine.NewText("[Service\n")}, "content: line 1: "},
		{Spec{Name: "x.service", Content: engine.NewText("[Service]\nExecStart\n")}, "content: line 2: "},
		{Spec{Name: "x.service", Content: engine.NewText("# nothing\n")}, "systemd takes an empty file for a mask"},
		{Spec{Name: "x.service", Content: engine.NewText(strings.Repeat("#", maxFile) + "\n[Unit]\n")}, "content: "},
		{Spec{Name: "x.service", Service: start, Masked: is(true)}, "masked: a mask takes the place of the unit's file"},
		{Spec{Name: "x.service", Enabled: is(true), Masked: is(true)}, "enabled: a unit that is masked cannot be started"},
		{Spec{Name: "x.service", State: running, Masked: is(true)}, "state: a unit that is masked cannot be started"},
		{Spec{Name: "x.service", Service: start, Enabled: is(true)}, `enabled: nothing in the unit says what starts it: add install = { WantedBy = "multi-user.target" }`},
		{Spec{Name: "x.timer", Timer: lists{"OnBootSec": {"1"}}, Enabled: is(true)}, `add install = { WantedBy = "timers.target" }`},
		{Spec{Name: "x.service", State: "started"}, `state: "started" is neither "running" nor "stopped"`},
		{Spec{Name: "x@.service", State: running}, "state: x@.service is a template, of which only instances run: declare one, such as x@NAME.service"},
		{Spec{Name: "x.service", Service: lists{"Type": {"oneshot"}, "ExecStart": {"/x"}}, State: running}, "state: x.service is a oneshot, which ends as soon as its command has: it is never running. Say RemainAfterExit = true"},
		{Spec{Name: "x.service", Service: lists{"Type": {"oneshot"}, "ExecStart": {"/x"}, "RemainAfterExit": {"true"}}, State: running}, ""},
		{Spec{Name: "x.slice", Slice: lists{"MemoryMax": {"1G"}}, RestartOn: []engine.Addr{"file.a"}}, "restart_on: a slice is never restarted"},
		{Spec{Name: "x.target", State: running, ReloadOn: []engine.Addr{"file.a"}}, "reload_on: a target is never restarted"},
		{Spec{Name: "x.service", State: running, ReloadOn: []engine.Addr{"file.a"}, RestartOn: []engine.Addr{"file.a"}}, "reload_on: file.a is in restart_on as well"},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a.conf", Service: start}}}, `dropin: the file's name gets its .conf by itself: write "a"`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "../a", Service: start}}}, `dropin: "../a" is not the name of a file`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a"}}}, `dropin: the drop-in "a" says nothing`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a", Service: start}, {Name: "a", Service: start}}}, `dropin: there are two drop-ins "a"`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a", Service: start, Content: engine.NewText("[Unit]\n")}}}, `dropin: the drop-in "a" has sections and content`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a", Service: lists{"Memory": {"1"}}}}}, `dropin["a"].service["Memory"]: there is no Service directive Memory`},
		{Spec{Name: "x.service", Dropins: []Dropin{{Name: "a", Content: engine.NewText("[Unit")}}}, `dropin["a"].content: line 1: `},
		{Spec{Name: "x.service", absent: true}, ""},
		{Spec{Name: "x.service", absent: true, Service: start, State: running}, ""},
		{Spec{Name: "x.service", absent: true, State: running}, "absent = true removes the unit's file and drop-ins"},
	} {
		c.spec.loaded = false
		c.spec.Default()
		err := c.spec.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}

// The file that a plan's sections become, to the byte.
func TestText(t *testing.T) {
	s := Spec{
		Name:    "x.service",
		Install: lists{"WantedBy": {"multi-user.target"}, "Also": {}},
		Service: lists{"ExecStart": {"", "/x %i 100%%", "/y"}, "Environment": {"A=1", `"B=2 3"`}, "CPUQuota": {"50%"}},
		Unit:    lists{"Wants": {"b.target", "a.target"}, "Description": {"An X"}},
	}
	const want = `# Written by agent0-converge: the plan decides what is here.
[Unit]
Description=An X
Wants=b.target
Wants=a.target

[Service]
CPUQuota=50%
Environment=A=1
Environment="B=2 3"
ExecStart=
ExecStart=/x %i 100%%
ExecStart=/y

[Install]
WantedBy=multi-user.target
`
	if got := s.text(); got != want {
		t.Errorf("got\n%s", got)
	}
	d := Dropin{Content: engine.NewText("; mine\n[Service]\nNice=5\n")}
	if got := d.text(); got != header+"; mine\n[Service]\nNice=5\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestClaimsAndNeeds(t *testing.T) {
	on := true
	for what, c := range map[string]struct {
		spec   Spec
		claims string
		needs  string
	}{
		"a whole unit": {Spec{
			Name: "x.service", Enabled: &on, State: running,
			Unit:    lists{"After": {"a.service b.target"}, "Requires": {"c.service", "x.socket"}, "Wants": {"d.service"}, "Before": {"e.service"}},
			Service: lists{"ExecStart": {"/x"}, "User": {"u"}, "Group": {"12"}, "SupplementaryGroups": {"g h"}},
			Install: lists{"WantedBy": {"multi-user.target"}}, Dropins: []Dropin{{Name: "d", Unit: lists{"BindsTo": {"f.service"}}}},
		}, "unit:x.service path:/etc/systemd/system/x.service path:/etc/systemd/system/x.service.d/d.conf",
			"group:g group:h path:/etc/systemd/system path:/etc/systemd/system/multi-user.target.wants path:/etc/systemd/system/x.service.d " +
				"unit:a.service unit:b.target unit:c.service unit:f.service user:u"},
		"one that is not started": {Spec{Name: "x.service", Service: lists{"ExecStart": {"/x"}}, Unit: lists{"After": {"a.service"}}}, "unit:x.service path:/etc/systemd/system/x.service", "path:/etc/systemd/system"},
		"a state alone":           {Spec{Name: "x.service", State: running}, "unit:x.service", "path:/etc/systemd/system/x.service"},
		"a mask":                  {Spec{Name: "x.service", Masked: &on}, "unit:x.service path:/etc/systemd/system/x.service", "path:/etc/systemd/system"},
		"a timer":                 {Spec{Name: "x.timer", State: running}, "unit:x.timer", "path:/etc/systemd/system/x.timer unit:x.service"},
		"a timer of another":      {Spec{Name: "x.timer", Timer: lists{"OnBootSec": {"1"}, "Unit": {"y.service"}}}, "unit:x.timer path:/etc/systemd/system/x.timer", "path:/etc/systemd/system unit:y.service"},
		"a user for each start":   {Spec{Name: "x.service", Dropins: []Dropin{{Name: "d", Service: lists{"User": {"u"}, "DynamicUser": {"yes"}}}}}, "unit:x.service path:/etc/systemd/system/x.service.d/d.conf", "path:/etc/systemd/system path:/etc/systemd/system/x.service path:/etc/systemd/system/x.service.d"},
		"to be stopped":           {Spec{Name: "x.service", State: stopped}, "unit:x.service", "path:/etc/systemd/system/x.service unit:x.path unit:x.socket unit:x.timer"},
		"a socket to be stopped":  {Spec{Name: "x.socket", State: stopped}, "unit:x.socket", "path:/etc/systemd/system/x.socket"},
		"a user with a specifier": {Spec{Name: "x@.service", Service: lists{"ExecStart": {"/x"}, "User": {"%i"}}}, "unit:x@.service path:/etc/systemd/system/x@.service", "path:/etc/systemd/system"},
	} {
		claims, needs := "", ""
		for _, x := range c.spec.Claims() {
			claims += " " + string(x)
		}
		for _, x := range c.spec.Needs() {
			needs += " " + string(x)
		}
		if strings.TrimSpace(claims) != c.claims || strings.TrimSpace(needs) != c.needs {
			t.Errorf("%s: claims%s, needs%s", what, claims, needs)
		}
	}
}
