package unit

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// Folders for links and presets are as they were when a run is taken back, or its units are dropped: there or not,
// and whose, whatever else came and went in them.
func TestFoldersOfLinks(t *testing.T) {
	const dir = "/etc/systemd/system/"
	own := func(mode int) hosttest.File { return hosttest.File{Dir: true, Mode: 0o700, UID: mode} }
	link := func(name string) hosttest.File { return hosttest.File{Link: "/usr/lib/systemd/system/" + name} }
	bare := files{
		"/opt/run":                          {Content: "#!/bin/sh\n", Mode: 0o755},
		"/usr/lib/systemd/system/a.service": {Content: "[Service]\nExecStart=/opt/run\n[Install]\nWantedBy=x.target\n"},
		"/usr/lib/systemd/system/b.service": {Content: "[Service]\nExecStart=/opt/run\n[Install]\nWantedBy=x.target\n"},
	}
	enable := func(name string, yes bool) *Spec { return &Spec{Name: name, Enabled: &yes} }
	made := func(install said, change ...func(*Spec)) *Spec {
		s := &Spec{Name: "it@x.service", Service: said{"ExecStart": {"/opt/run"}}, Install: install, Enabled: ptr(true)}
		for _, f := range change {
			f(s)
		}
		return s
	}
	off := hosttest.File{Content: "disable *\n"}
	for _, c := range []struct {
		name  string
		image bool
		files files
		specs []*Spec
	}{
		{"one comes and another goes", false, files{dir + "x.target.wants": own(7), dir + "x.target.wants/a.service": link("a.service")},
			[]*Spec{enable("a.service", false), enable("b.service", true)}},
		{"one goes and another comes", false, files{dir + "x.target.wants": own(7), dir + "x.target.wants/b.service": link("b.service")},
			[]*Spec{enable("a.service", true), enable("b.service", false)}},
		{"the last one goes", false, files{dir + "x.target.wants": own(7), dir + "x.target.wants/a.service": link("a.service")},
			[]*Spec{enable("a.service", false)}},
		{"both go", false, files{dir + "x.target.wants": own(7), dir + "x.target.wants/a.service": link("a.service"), dir + "x.target.wants/b.service": link("b.service")},
			[]*Spec{enable("a.service", false), enable("b.service", false)}},
		{"the first one comes", false, nil, []*Spec{enable("a.service", true), enable("b.service", true)}},
		{"the first one comes to an empty folder", false, files{dir + "x.target.wants": own(7)}, []*Spec{enable("a.service", true), enable("b.service", true)}},
		{"a specifier", false, nil, []*Spec{made(said{"WantedBy": {"%i.target"}})}},
		{"a specifier and an empty folder", false, files{dir + "x.target.wants": own(7)}, []*Spec{made(said{"WantedBy": {"%i.target"}})}},
		{"another's links", false, nil, []*Spec{made(said{"WantedBy": {"y.target"}, "Also": {"a.service"}})}},
		{"another's links and an empty folder", false, files{dir + "x.target.wants": own(7)}, []*Spec{made(said{"WantedBy": {"y.target"}, "Also": {"a.service"}})}},
		{"a preset", true, files{"/usr/lib/systemd/system-preset/99-off.preset": off}, []*Spec{enable("a.service", true), made(said{"WantedBy": {"x.target"}})}},
		{"a preset in an empty folder", true, files{"/usr/lib/systemd/system-preset/99-off.preset": off, presetDir: own(7)},
			[]*Spec{enable("a.service", true), made(said{"WantedBy": {"x.target"}})}},
		{"a preset of what is made in an empty folder", true, files{"/usr/lib/systemd/system-preset/99-off.preset": off, presetDir: own(7)},
			[]*Spec{made(said{"WantedBy": {"x.target"}})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			systemd := on()
			if c.image {
				systemd = nil
			}
			for _, back := range []func(rig){
				func(r rig) { r.must(r.undo(0)) },
				func(r rig) { r.must(r.apply()) },
			} {
				fs := files{dir + "own": {Dir: true}}
				for _, more := range []files{bare, c.files} {
					for name, f := range more {
						fs[name] = f
					}
				}
				r := newRig(t, fs, systemd)
				var plan []engine.Declared
				for i, s := range c.specs {
					d := r.declare(s)
					d.Addr = engine.Addr("unit.u" + string(rune('0'+i)))
					plan = append(plan, d)
				}
				before := r.tree()
				r.must(r.apply(plan...))
				is(t, "the plan after the apply", r.plan(plan...), "")
				back(r)
				is(t, "the machine after it", r.tree(), before)
			}
		})
	}
}
