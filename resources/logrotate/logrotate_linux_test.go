package logrotate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const mine = "/etc/logrotate.d/agent0"

// base is a host that has logrotate, the account agent0 and a folder of logs.
func base(more files) files {
	out := files{
		"/etc/passwd":         {Content: "root:x:0:0::/root:/bin/sh\nagent0:x:998:998::/:/bin/false\n"},
		"/etc/group":          {Content: "root:x:0:\nagent0:x:998:\nadm:x:4:\n"},
		"/etc/logrotate.conf": {Content: "weekly\nrotate 4\ninclude /etc/logrotate.d\n"},
		"/var/log/agent0":     {Dir: true, UID: 998, GID: 998, Mode: 0o755},
	}
	for name, f := range more {
		out[name] = f
	}
	return out
}

// spec is a block that says a bit of everything.
func spec() *Spec {
	keep, yes := 14, true
	return &Spec{
		Label: "agent0", Paths: []string{"/var/log/agent0/*.log"}, Every: "daily", Keep: &keep, Compress: &yes,
		Create: &Create{Mode: "640", Owner: "agent0", Group: "agent0"}, Su: "agent0  agent0", MaxSize: "10MiB",
		PostRotate: engine.List{"systemctl kill -s HUP agent0\ntrue\n"},
	}
}

const wanted = header + `/var/log/agent0/*.log
{
    daily
    maxsize 10M
    rotate 14
    missingok
    notifempty
    compress
    delaycompress
    create 0640 agent0 agent0
    su agent0 agent0
    postrotate
systemctl kill -s HUP agent0
true
    endscript
}
`

func TestConverges(t *testing.T) {
	other := "# by hand\n/var/log/agent0/*.log {\n\tweekly\n\tnocompress\n\tshred\n}\n"
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folder", Files: base(nil), Spec: spec(), Want: engine.Create},
		{Name: "as wanted", Files: base(files{mine: {Content: wanted}}), Spec: spec(), Want: engine.NoOp},
		{Name: "a stray line and other values", Files: base(files{mine: {Content: other, Xattrs: map[string]string{"user.a": "b"}}}), Spec: spec(), Want: engine.Update},
		{Name: "somebody else's, open to all", Files: base(files{mine: {Content: wanted, Mode: 0o666, UID: 998, GID: 4}}), Spec: spec(), Want: engine.Update},
		{Name: "hidden from others", Files: base(files{mine: {Content: "\x00\xff", Mode: 0o600}}), Spec: spec(), Want: engine.Update},
		{Name: "removed", Files: base(files{mine: {Content: other, Mode: 0o640, GID: 4}}), Spec: &Spec{Label: "agent0"}, Absent: true, Want: engine.Remove},
		{Name: "an account that the plan makes", Files: base(nil), With: []engine.Declared{enginetest.Account("bot", 997)},
			Spec: &Spec{Name: "bot", Label: "x", Paths: []string{"/var/log/bot.log"}, Su: "bot bot"}, Want: engine.Create},
		{Name: "in an image without logrotate", Offline: true, Spec: &Spec{Label: "a", Paths: []string{"/var/log/a b.log"}}, Want: engine.Create},
	})
}

// rules are two files of other rules, with what looks like paths where none are.
func rules() files {
	return base(files{
		"/etc/logrotate.conf":      {Content: "tabooext + .off, .not\ninclude /etc/logrotate.d\n/var/log/wtmp {\n}\n"},
		"/etc/logrotate.d/a.off":   {Content: "/var/log/off.log { }\n"},
		"/etc/logrotate.d/writer":  {Content: "/var/log/unsafe.log { }\n", Mode: 0o664},
		"/etc/logrotate.d/syslog":  {Content: "# /var/log/no.log\n\n/var/log/syslog\n\"/var/log/my file\" /var/log/[ab]*.log\n{\n prerotate\n/var/log/script.log\n endscript\n}\n"},
		"/var/log/b.log":           {},
		"/var/log/shared":          {Dir: true, Mode: 0o775, GID: 4},
		"/var/log/open":            {Dir: true, Mode: 0o777},
		"/var/log/app/one":         {Dir: true},
		"/var/log/app/two":         {Dir: true, Mode: 0o770, UID: 998, GID: 998},
		"/var/log/app/two/x/y.log": {},
	})
}

func rotating(paths ...string) *Spec { return &Spec{Label: "agent0", Paths: paths} }

func TestRefuses(t *testing.T) {
	withSu := rotating("/var/log/x.log")
	withSu.Su = "nobody nogroup"
	withNumber := rotating("/var/log/x.log")
	withNumber.Su = "4711 0"
	withOld := rotating("/var/log/x.log")
	withOld.OldDir = "/var/old"
	disabled := rotating("/var/log/x.log")
	disabled.Name = "x.not"
	enginetest.Converges(t, Kind(), cases{
		{Name: "a link", Files: base(files{mine: {Link: "/x"}}), Spec: spec(), Err: "is a symlink to /x"},
		{Name: "a group may write", Files: rules(), Spec: rotating("/var/log/shared/*.log"),
			Err: `/var/log/shared may be written to by the group adm (mode 0775), and in such a folder logrotate rotates nothing as root: set su = "root adm"`},
		{Name: "all may write", Files: rules(), Spec: rotating("/var/log/open/x.log"), Err: "/var/log/open may be written to by everyone"},
		{Name: "one of the folders of a pattern", Files: rules(), Spec: rotating("/var/log/app/*/x.log"), Err: `/var/log/app/two may be written to by the group agent0`},
		{Name: "the same log in another file", Files: rules(), Spec: rotating("/var/log/syslog"), Err: "/etc/logrotate.d/syslog:3 has a rule for /var/log/syslog already"},
		{Name: "a log with a blank", Files: rules(), Spec: rotating("/var/log/my file"), Err: "/etc/logrotate.d/syslog:3 has a rule for /var/log/my file already"},
		{Name: "a log of the main file", Files: rules(), Spec: rotating("/var/log/wtmp"), Err: "/etc/logrotate.conf:3 has a rule for /var/log/wtmp"},
		{Name: "a log of a pattern", Files: rules(), Spec: rotating("/var/log/a1.log"), Err: "syslog:3 has a rule for /var/log/a1.log"},
		{Name: "a pattern over a log", Files: rules(), Spec: rotating("/var/log/wt*"), Err: "/etc/logrotate.conf:3 has a rule for /var/log/wtmp"},
		{Name: "two patterns with a log in common", Files: rules(), Spec: rotating("/var/log/*b.log"), Err: "syslog:3 has a rule for /var/log/b.log"},
		{Name: "two of its own patterns", Files: rules(), Spec: rotating("/var/log/app/two/x/y*", "/var/log/app/two/x/*g"), Err: "are both patterns of /var/log/app/two/x/y.log"},
		{Name: "a forbidden ending", Files: rules(), Spec: disabled, Err: "/etc/logrotate.conf:1 tells logrotate to skip files named like *.not"},
		{Name: "no such account", Files: rules(), Spec: withSu, Err: "the host has no user nobody"},
		{Name: "no such number", Files: rules(), Spec: withNumber, Err: "no user with the number 4711"},
		{Name: "no folder for old logs", Files: rules(), Spec: withOld, Err: "there is no folder /var/old"},
	})
	enginetest.Converges(t, Kind(), cases{
		{Name: "what logrotate skips is in nobody's way", Files: rules(), Want: engine.Create,
			Spec: rotating("/var/log/off.log", "/var/log/unsafe.log", "/var/log/no.log", "/var/log/script.log", "/var/log/c.log")},
	})
}

// A rule may be renamed: the file that the plan removes is in nobody's way.
func TestRename(t *testing.T) {
	old := base(files{"/etc/logrotate.d/old": {Content: "/var/log/x.log {\n}\n"}})
	gone := engine.Declared{Addr: "logrotate.old", Kind: Kind(), Spec: &Spec{Name: "old"}, Absent: true}
	enginetest.Converges(t, Kind(), cases{
		{Name: "alone", Files: old, Spec: rotating("/var/log/x.log"), Err: "/etc/logrotate.d/old:1 has a rule"},
		{Name: "with the old one removed", Files: old, Spec: rotating("/var/log/x.log"), With: []engine.Declared{gone}, Want: engine.Create},
	})
}

// What a diff says is told by attribute, and stray lines as such.
func TestDiff(t *testing.T) {
	want := spec()
	want.Default()
	const there = "compress\n/var/log/agent0/a.log /var/log/b {\n rotate 3\n rotate 5\n maxsize 9K\n nomissingok\n create 600\n postrotate\n  true\n endscript\n flub 1\n}\n/x {\n}\n"
	m := hosttest.New(t, hosttest.Config{Files: base(files{mine: {Content: there, Mode: 0o600 | 0o004, GID: 4}})})
	have, err := rule{}.Read(t.Context(), m.View(), want)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range (rule{}).Diff(have, want) {
		got += fmt.Sprintf("%s: %q → %q\n", f.Name, f.Have, f.Want)
	}
	const say = `paths: "[/var/log/agent0/a.log, /var/log/b]" → "[/var/log/agent0/*.log]"
every: "" → "daily"
maxsize: "9k" → "10M"
keep: "3" → "14"
create: "0600" → "0640 agent0 agent0"
su: "" → "agent0 agent0"
missing_ok: "false" → "true"
if_empty: "" → "false"
compress: "" → "true"
delaycompress: "" → "true"
postrotate: "  true\n" → "systemctl kill -s HUP agent0\ntrue\n"
other lines: "compress\nrotate 5\nflub 1\n/x" → ""
group: "adm" → "root"
mode: "0604" → "0644"
`
	if got != say {
		t.Errorf("got\n%s\nwant\n%s", got, say)
	}
}

// What others may not read is not shown.
func TestHiddenIsNotShown(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: base(files{mine: {Content: "/canary {\n}\n", Mode: 0o600}})})
	want := spec()
	want.Default()
	have, err := rule{}.Read(t.Context(), m.View(), want)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v %+v", have, (rule{}).Diff(have, want)); strings.Contains(all, "canary") {
		t.Errorf("it is shown: %s", all)
	}
}

func TestValidate(t *testing.T) {
	no, yes, minus, many := false, true, -2, 10001
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Label: "a", Paths: []string{"/a"}}, ""},
		{Spec{Label: "a"}, "paths: it names no log"},
		{Spec{Label: "a", absent: true}, ""},
		{Spec{Label: "a b", absent: true}, "name: \"a b\" is no name of a rule"},
		{Spec{Name: "../x", Paths: []string{"/a"}}, "is no name of a rule"},
		{Spec{Name: ".x", Paths: []string{"/a"}}, "is no name of a rule"},
		{Spec{Name: "a.rpmsave", Paths: []string{"/a"}}, `ends like "*.rpmsave"`},
		{Spec{Name: "a.dpkg-old", Paths: []string{"/a"}}, `ends like`},
		{Spec{Name: "a.rhn-cfg-tmp-1", Paths: []string{"/a"}}, `ends like`},
		{Spec{Name: "a.b", Paths: []string{"/a"}}, ""},
		{Spec{Label: "a", Paths: []string{"a"}}, "is not absolute"},
		{Spec{Label: "a", Paths: []string{"~/a"}}, "is not absolute"},
		{Spec{Label: "a", Paths: []string{"/a/"}}, "names a folder"},
		{Spec{Label: "a", Paths: []string{"/a//b"}}, "roundabout"},
		{Spec{Label: "a", Paths: []string{"/a/{b,c}"}}, "braces"},
		{Spec{Label: "a", Paths: []string{"/a\nb"}}, "control characters"},
		{Spec{Label: "a", Paths: []string{"/a/[b"}}, "without its ]"},
		{Spec{Label: "a", Paths: []string{"/a/*.log", "/a/b.log"}}, "name the same log"},
		{Spec{Label: "a", Paths: []string{"/a", "/a"}}, "name the same log"},
		{Spec{Label: "a", Paths: []string{"/a/*.log", "/a/.b.log"}}, ""},
		{Spec{Label: "a", Paths: []string{"/a"}, Every: "dayly"}, `every: "dayly" is none of hourly, daily`},
		{Spec{Label: "a", Paths: []string{"/a"}, Every: "daily", Size: "1M"}, "use maxsize"},
		{Spec{Label: "a", Paths: []string{"/a"}, Size: "010"}, `size: "010" is no size`},
		{Spec{Label: "a", Paths: []string{"/a"}, MinSize: "1T"}, `minsize: "1T" is no size`},
		{Spec{Label: "a", Paths: []string{"/a"}, MaxSize: "1MB"}, `maxsize: "1MB" is no size`},
		{Spec{Label: "a", Paths: []string{"/a"}, Keep: &minus}, "keep: -2 is no number"},
		{Spec{Label: "a", Paths: []string{"/a"}, Keep: &many}, "keep: 10001 is no number"},
		{Spec{Label: "a", Paths: []string{"/a"}, MaxAge: &minus}, "maxage: -2 is no number"},
		{Spec{Label: "a", Paths: []string{"/a"}, Compress: &no, DelayCompress: &yes}, "nothing is compressed"},
		{Spec{Label: "a", Paths: []string{"/a"}, Su: "root"}, "su: \"root\" is not a user and a group"},
		{Spec{Label: "a", Paths: []string{"/a"}, Su: "a:b c"}, "su: \"a:b\" is no name"},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{Mode: "9"}}, `create: "9" is no octal mode`},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{Owner: "b"}}, "an owner needs a mode"},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{Mode: "600", Group: "b"}}, "a group needs an owner"},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{}, CopyTruncate: &yes}, "none is created"},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{Mode: "600", Owner: "b", Group: "c"}, Su: "b b"}, "who cannot make them b c's"},
		{Spec{Label: "a", Paths: []string{"/a"}, Create: &Create{Mode: "600", Owner: "b", Group: "c"}, Su: "root b"}, ""},
		{Spec{Label: "a", Paths: []string{"/a"}, PostRotate: engine.List{"true", "\tendscript # x"}}, "line 2 begins with endscript"},
		{Spec{Label: "a", Paths: []string{"/a"}, PreRotate: engine.List{"a\rb"}}, "control character"},
		{Spec{Label: "a", Paths: []string{"/a"}, OldDir: "a b"}, "olddir: \"a b\" is no folder"},
	} {
		c.spec.Default()
		err := c.spec.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestWarn(t *testing.T) {
	yes := true
	hourly := rotating("/var/log/x.log")
	hourly.Every = "hourly"
	dated := rotating("/var/log/x.log")
	dated.DateExt, dated.Size = &yes, "1M"
	all := rotating("/var/log/agent0/*")
	old := rotating("/var/log/agent0/*")
	old.OldDir = "old"
	const timer = "/usr/lib/systemd/system/logrotate.timer"
	const dropIn = "/etc/systemd/system/logrotate.timer.d/often.conf"
	for _, c := range []struct {
		name  string
		files files
		spec  *Spec
		want  string
	}{
		{"all is well", base(nil), rotating("/var/log/x.log"), ""},
		{"no logrotate", nil, rotating("/var/log/x.log"), "there is no /etc/logrotate.conf"},
		{"not included", files{mainFile: {Content: "weekly\n"}}, rotating("/var/log/x.log"), "does not include /etc/logrotate.d"},
		{"hourly by the day", base(files{timer: {Content: "[Timer]\nOnCalendar=daily\n"}}), hourly, "nothing that is known here runs logrotate each hour"},
		{"hourly by a drop-in", base(files{timer: {Content: "[Timer]\nOnCalendar=daily\n"}, dropIn: {Content: "[Timer]\nOnCalendar=\nOnCalendar=hourly\n"}}), hourly, ""},
		{"hourly by cron", base(files{"/etc/cron.hourly/logrotate": {}}), hourly, ""},
		{"a date and a size", base(nil), dated, "at most once a day"},
		{"its own rotated logs", base(nil), all, "stands for rotated logs too"},
		{"its own rotated logs elsewhere", base(nil), old, ""},
	} {
		if c.files == nil {
			c.files = files{}
		}
		c.files["/etc/logrotate.d"] = hosttest.File{Dir: true}
		m := hosttest.New(t, hosttest.Config{Files: c.files})
		err := rule{}.Warn(t.Context(), m.View(), nil, c.spec)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Includes are followed as far as logrotate follows them, and no further in a circle.
func TestSurveyFollowsIncludes(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: files{
		mainFile:             {Content: "include /etc/more\n"},
		"/etc/more":          {Content: "include /etc/logrotate.conf\n/x {\n}\n"},
		"/etc/logrotate.d/y": {Content: "/y {\n}\n"},
	}})
	c, err := survey(m.View())
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range c.rules {
		n[r.file]++
	}
	if n["/etc/more"] == 0 || n["/etc/logrotate.d/y"] != 1 || c.included || !c.main {
		t.Errorf("%v, included %v, main %v", n, c.included, c.main)
	}
}
