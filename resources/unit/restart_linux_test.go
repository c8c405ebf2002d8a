package unit

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/file"
)

const name = "cooler.service"

// follower is a unit whose process reads /etc/cool.conf when it starts.
func follower(change ...func(*Spec)) *Spec {
	return spec(append([]func(*Spec){func(s *Spec) {
		s.Service = said{"ExecStart": {"/opt/cooler/run --config /etc/cool.conf"}, "ExecReload": {"/bin/kill -HUP $MAINPID"}}
	}}, change...)...)
}

// reads is what the process that runs has read.
func (r rig) reads() string {
	r.t.Helper()
	p := r.Systemd().Running(name)
	if p == nil {
		r.t.Fatal("nothing of it runs")
	}
	return p.Files["/etc/cool.conf"]
}

// both declares the configuration and the unit that reads it.
func (r rig) both(text string, change ...func(*Spec)) []engine.Declared {
	return []engine.Declared{conf(text), r.declare(follower(change...), "file.conf")}
}

// restarted is somebody else restarting the unit.
func (r rig) restarted() {
	r.t.Helper()
	if err := r.Systemd().Do(r.t.Context(), host.RestartUnit, name); err != nil {
		r.t.Fatal(err)
	}
}

func TestRestartOnChange(t *testing.T) {
	r := newRig(t, with(""), on("vendor.service"))
	r.must(r.apply(r.both("1")...))
	is(t, "the plan after the apply", r.plan(r.both("1")...), "")
	vendor := r.Systemd().Running("vendor.service")

	is(t, "the plan", r.plan(r.both("2")...), "change file.conf\n  content: 1 → 2\nchange unit.it\n  restart:  → file.conf changes")
	r.Reset()
	r.must(r.apply(r.both("2")...))
	is(t, "it runs with", r.reads(), "2")
	is(t, "systemd was told", r.jobs(), "restart cooler.service")
	is(t, "the plan after the restart", r.plan(r.both("2")...), "")
	if now := r.Systemd().Running("vendor.service"); now.Reloads != vendor.Reloads || r.Systemd().Running(name).Reloads != 0 {
		t.Error("another unit was told something, or a restart was a reload")
	}

	r.must(r.undo(0))
	is(t, "after undo it runs with", r.reads(), "1")
	is(t, "the old plan after undo", r.plan(r.both("1")...), "")
}

// A file that drifted and was mended while the process had read the right one is no reason to restart
// it. One that started with the wrong file, or started by itself with the right one, tells by its times.
func TestRestartIsAState(t *testing.T) {
	r := newRig(t, with(""), on())
	r.must(r.apply(r.both("1")...))
	r.Reset()
	r.Put("/etc/cool.conf", hosttest.File{Content: "drift"})
	r.must(r.apply(r.both("1")...))
	is(t, "what it never read restarted it", r.jobs(), "")

	r.Put("/etc/cool.conf", hosttest.File{Content: "drift"})
	r.restarted()
	is(t, "it runs with", r.reads(), "drift")
	r.must(r.apply(r.both("1")...))
	is(t, "mended, it runs with", r.reads(), "1")

	r.restarted()
	is(t, "the plan after a start of others", r.plan(r.both("1")...), "")
}

// A run that ends between the change of a file and the restart leaves it to the next, wherever it
// ends, whether or not there is a record of the start.
func TestRestartAfterEveryStop(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		points, hit := 0, 0
		for n := 1; ; n++ {
			r := newRig(t, with(""), on())
			r.must(r.apply(r.both("1")...))
			if !recorded {
				r.restarted()
			}
			r.StopAt(n)
			_, _ = r.apply(r.both("2", func(s *Spec) { s.Dropins = []Dropin{{Name: "x", Service: said{"Nice": {"5"}}}} })...)
			fired := r.Fired()
			r.Reset()
			if !fired {
				break
			}
			points++
			r.must(r.apply(r.both("2", func(s *Spec) { s.Dropins = []Dropin{{Name: "x", Service: said{"Nice": {"5"}}}} })...))
			if dump := r.tree(); r.reads() != "2" || strings.Contains(dump, "older") || strings.Contains(dump, "not loaded") {
				t.Errorf("stopped at change %d, it runs with %s:\n%s", n, r.reads(), dump[strings.Index(dump, "\nunit "):])
				continue
			}
			hit++
		}
		t.Logf("recorded %v: %d of %d stops healed", recorded, hit, points)
		if points < 20 || hit != points {
			t.Errorf("%d points, %d healed", points, hit)
		}
	}
}

func TestReload(t *testing.T) {
	reload := func(s *Spec) { s.ReloadOn = []engine.Addr{"file.conf"} }
	r := newRig(t, with(""), on())
	r.must(r.apply(r.both("1", reload)...))
	r.Reset()
	is(t, "the plan", r.plan(r.both("2", reload)...), "change file.conf\n  content: 1 → 2\nchange unit.it\n  reload:  → file.conf changes")
	r.must(r.apply(r.both("2", reload)...))
	is(t, "systemd was told", r.jobs(), "reload cooler.service")
	is(t, "it runs with", r.reads(), "2")
	is(t, "the plan after the reload", r.plan(r.both("2", reload)...), "")
	// Without a record of its start, the times tell.
	r.restarted()
	r.must(r.apply(r.both("3", reload)...))
	is(t, "it runs with", r.reads(), "3")
	is(t, "the plan after that reload", r.plan(r.both("3", reload)...), "")
	// What changes together with its own settings is read at the restart.
	r.Reset()
	r.must(r.apply(r.both("4", reload, func(s *Spec) { s.Service["Nice"] = engine.List{"5"} })...))
	is(t, "systemd was told", r.jobs(), "daemon-reload, restart cooler.service")

	deaf := func(s *Spec) { delete(s.Service, "ExecReload") }
	r = newRig(t, with(""), on())
	r.must(r.apply(r.both("1", reload, deaf)...))
	r.Reset()
	is(t, "the plan where it cannot reload", r.plan(r.both("2", reload, deaf)...),
		"change file.conf\n  content: 1 → 2\nchange unit.it\n  restart:  → file.conf changes; it cannot be reloaded")
	r.must(r.apply(r.both("2", reload, deaf)...))
	is(t, "systemd was told", r.jobs(), "restart cooler.service")
}

// Whether it is restarted, where its state is not the plan's, depends on whether it runs.
func TestRestartOfWhatRuns(t *testing.T) {
	free := func(s *Spec) { s.State = "" }
	r := newRig(t, with(""), on())
	r.must(r.apply(r.both("1", free)...))
	is(t, "the plan of what does not run", r.plan(r.both("2", free)...), "change file.conf\n  content: 1 → 2")
	r.restarted()
	r.Reset()
	r.must(r.apply(r.both("2", free)...))
	is(t, "systemd was told", r.jobs(), "restart cooler.service")
	r.Systemd().Crash(name, 1)
	is(t, "the plan of what failed", r.plan(r.both("3", free)...), "change file.conf\n  content: 2 → 3")
}

// Comments, blanks and [Install] are no concern of a process.
func TestNoRestartWithoutCause(t *testing.T) {
	r := newRig(t, with("# by hand\n\n"+written[len(header):]), on(name))
	r.must(r.apply(r.declare(spec(func(s *Spec) { s.Install["Alias"] = engine.List{"fan.service"} }))))
	is(t, "systemd was told", r.jobs(), "daemon-reload")
	is(t, "the plan", r.plan(r.declare(spec())), "change unit.it\n  install.Alias: fan.service →")
}

// The record of a start is the agent's own, and a machine that lost or spoiled it converges.
func TestRecord(t *testing.T) {
	r := newRig(t, with(""), on())
	r.must(r.apply(r.both("1")...))
	path := recordDir + "/" + name
	info, err := r.View().Files.Lstat(path)
	if err != nil || info.Mode != 0o600 {
		t.Errorf("the record is %+v, %v", info, err)
	}
	r.Put(path, hosttest.File{Content: "{spoiled", Mode: 0o600})
	is(t, "the plan with a spoiled record", r.plan(r.both("1")...), "")
	r.must(r.apply(r.both("2")...))
	is(t, "it runs with", r.reads(), "2")
	r.must(r.apply())
	if _, err := r.View().Files.Lstat(path); err == nil {
		t.Error("the record outlived the unit")
	}
}

// The unit that the agent runs in keeps running, with new settings from its next start on.
func TestSelf(t *testing.T) {
	config := on(name)
	config.Self = name
	r := newRig(t, with(written, link, files{"/etc/cool.conf": {Content: "0"}}), config)
	want := r.both("1")
	says := r.plan(want...)
	for _, text := range []string{"change unit.it\n", "  service.MemoryMax: 64M →", "warning: this run is a part of cooler.service, which is not restarted: what changes takes effect when it next starts"} {
		if !strings.Contains(says, text) || strings.Contains(says, "  restart: ") {
			t.Errorf("%q is not in the plan, or a restart is:\n%s", text, says)
		}
	}
	r.must(r.apply(want...))
	is(t, "systemd was told", r.jobs(), "daemon-reload")
	is(t, "the plan after it", r.plan(want...), "")
	notice := "\nsame unit.it\n  warning: this run is a part of cooler.service, which is not restarted: the change of file.conf takes effect when it next starts"
	is(t, "the plan where only its configuration changes", r.plan(r.both("2")...), "change file.conf\n  content: 1 → 2"+notice)
	reload := func(s *Spec) { s.ReloadOn = []engine.Addr{"file.conf"} }
	is(t, "the plan where only what it reads changes", r.plan(r.both("2", reload)...), "change file.conf\n  content: 1 → 2"+notice)
	r.Reset()
	r.must(r.apply(r.both("2")...))
	is(t, "systemd was told", r.jobs(), "")
	is(t, "the plan after that", r.plan(r.both("2")...), "")
	for _, d := range []engine.Declared{r.declare(spec(func(s *Spec) { s.State = stopped })), r.gone(&Spec{Name: name})} {
		if says := r.plan(d); !strings.Contains(says, "error: this run is a part of cooler.service, and to ") {
			t.Errorf("the plan is\n%s", says)
		}
	}
}

// A unit whose file is another resource's is made after that, and follows it.
func TestBroughtByAFile(t *testing.T) {
	r := newRig(t, with(""), on())
	plan := func(nice string) []engine.Declared {
		brought := engine.Declared{Addr: "file.unit", Kind: file.Kind(), Spec: &file.Spec{Path: cooler,
			Content: engine.NewText("[Service]\nExecStart=/opt/cooler/run\nNice=" + nice + "\n[Install]\nWantedBy=multi-user.target\n")}}
		return []engine.Declared{r.declare(&Spec{Name: name, Enabled: ptr(true), State: running}, "file.unit"), brought}
	}
	before := r.tree()
	is(t, "the first run", r.must(r.apply(plan("1")...)), "file.unit:done unit.it:done")
	is(t, "the plan after it", r.plan(plan("1")...), "")
	r.Reset()
	r.must(r.apply(plan("2")...))
	is(t, "systemd was told", r.jobs(), "daemon-reload, restart cooler.service")
	is(t, "the plan after it", r.plan(plan("2")...), "")
	r.must(r.undo(1))
	is(t, "the machine after undo", r.tree(), before)
}

// A service that crashed since the run is no reason not to take the run back.
func TestUndoAfterACrash(t *testing.T) {
	r := newRig(t, with(""), on())
	r.must(r.apply(r.declare(spec())))
	r.must(r.apply(r.declare(spec(func(s *Spec) { s.Service["Nice"] = engine.List{"5"} }))))
	r.Systemd().Crash(name, 1)
	is(t, "undo", r.must(r.undo(0)), "unit.it:done")
	if p := r.Systemd().Running(name); p == nil {
		t.Error("it does not run again")
	}
	is(t, "the plan after it", r.plan(r.declare(spec())), "")
}

// A restart that was cut short while the service of a socket was stopped starts that again.
func TestSocketGoesOn(t *testing.T) {
	fs := with("", files{
		"/usr/lib/systemd/system/cool.service": {Content: "[Service]\nExecStart=/usr/bin/cool\n"},
		"/etc/systemd/system/cool.socket":      {Content: "[Socket]\nListenStream=1\n"},
	})
	r := newRig(t, fs, on("cool.socket", "cool.service"))
	r.must(r.apply(r.declare(&Spec{Name: "cool.socket", Socket: said{"ListenStream": {"2"}}, State: running})))
	is(t, "systemd was told", r.jobs(), "daemon-reload, stop cool.service, restart cool.socket, start cool.service")
	if r.Systemd().Running("cool.service") == nil {
		t.Error("the service is not running")
	}
	// So is one that is to be opened while its service runs.
	if err := r.Systemd().Do(t.Context(), host.StopUnit, "cool.socket"); err != nil {
		t.Fatal(err)
	}
	open := r.declare(&Spec{Name: "cool.socket", Enabled: ptr(false), State: running})
	is(t, "the plan", r.plan(open), "change unit.it\n  state: stopped → running\n"+
		"  warning: cool.service is restarted too: systemd opens no socket of a service that runs\n"+
		"  warning: cool.socket is started now, and not after a reboot: add enabled = true if it is to be")
	r.must(r.apply(open))
	is(t, "the plan after it", r.plan(open), "")
	if r.Systemd().Running("cool.service") == nil {
		t.Error("the service is not running")
	}
}
