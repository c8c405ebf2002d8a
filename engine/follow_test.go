package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// daemon is a process that read a toy when it started. What runs is in /run/NAME: what it read, when
// it started, and, where a run of ours started it, the digest of what it follows.
type daemon struct {
	Name      string        `hcl:"name"`
	Reads     string        `hcl:"reads,optional" diff:"-"`
	RestartOn []engine.Addr `hcl:"restart_on,optional" diff:"-"`
	ReloadOn  []engine.Addr `hcl:"reload_on,optional" diff:"-"`

	running         process
	restart, reload engine.Inputs
}

type process struct {
	Read    string
	Started time.Duration
	Digests [2]string // empty where it started by itself
	Reloads int
}

func (d *daemon) Claims() []engine.Claim { return []engine.Claim{engine.UnitClaim(d.Name)} }
func (d *daemon) Reloads() []engine.Addr { return d.ReloadOn }
func (d *daemon) Follow(restart, reload engine.Inputs) {
	d.restart, d.reload = restart, reload
}

type daemons struct{}

func daemonKind() *engine.Kind { return engine.NewKind("daemon", daemons{}, engine.Passive()) }

func (daemons) Read(_ context.Context, v host.View, spec *daemon) (*daemon, error) {
	b, err := v.Files.ReadFile("/run/" + spec.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	have := &daemon{Name: spec.Name, Reads: spec.Reads, RestartOn: spec.RestartOn, ReloadOn: spec.ReloadOn}
	return have, errors.Join(err, json.Unmarshal(b, &have.running))
}

// asks says why in asks for a start, "" for none.
func asks(in engine.Inputs, digest string, started time.Duration) string {
	switch {
	case len(in.Pending) > 0:
		return fmt.Sprint(in.Pending)
	case in.Digest != "" && digest != "":
		if in.Digest != digest {
			return "digest"
		}
	case started < in.Changed:
		return "older"
	}
	return ""
}

func (daemons) Diff(have, want *daemon) []engine.FieldDiff {
	var out []engine.FieldDiff
	for i, how := range []string{"restart", "reload"} {
		in := [2]engine.Inputs{want.restart, want.reload}[i]
		if why := asks(in, have.running.Digests[i], have.running.Started); why != "" {
			out = append(out, engine.FieldDiff{Name: how, Want: why})
		}
	}
	return out
}

func (k daemons) Apply(_ context.Context, h *host.Host, have, want *daemon) error {
	if want == nil {
		return h.Files.Remove("/run/" + have.Name)
	}
	b, err := h.Files.ReadFile("/toy/" + want.Reads)
	if err != nil {
		return err
	}
	p := process{Read: string(b), Started: host.Monotonic(), Digests: [2]string{want.restart.Digest, want.reload.Digest}}
	if have != nil {
		if fs := k.Diff(have, want); len(fs) == 1 && fs[0].Name == "reload" {
			p.Reloads = have.running.Reloads + 1
		}
	}
	return h.Files.Write("/run/"+want.Name, p.encode(), host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

func (p process) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers
	}
	return b
}

// runs is a daemon that reads a toy, and whatever else its declaration says.
func runs(name, reads string, change ...func(*daemon)) engine.Declared {
	spec := &daemon{Name: name, Reads: reads}
	for _, f := range change {
		f(spec)
	}
	addr := engine.Addr("toy." + reads)
	return engine.Declared{
		Addr: engine.Addr("daemon." + name), Kind: daemonKind(), Spec: spec,
		DependsOn: []engine.Addr{addr}, Inputs: []engine.Addr{addr},
	}
}

// process is what runs as name.
func (r rig) process(name string) process {
	r.t.Helper()
	var p process
	if err := json.Unmarshal([]byte(r.Get("/run/"+name)), &p); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// start is somebody else starting name.
func (r rig) start(name, reads string) {
	r.Put("/run/"+name, hosttest.File{Content: string(process{Read: r.Get("/toy/" + reads), Started: host.Monotonic()}.encode())})
}

func newFollowRig(t *testing.T, files map[string]string) rig {
	r := newRig(t, files)
	r.Put("/run", hosttest.File{Dir: true})
	r.Put("/proc/sys/kernel/random/boot_id", hosttest.File{Content: "this-boot\n"})
	return r
}

func TestRestartOnChange(t *testing.T) {
	r := newFollowRig(t, nil)
	is(t, "first", r.apply(declare("conf", "1"), runs("d", "conf")), "toy.conf:done daemon.d:done")
	is(t, "again", r.apply(declare("conf", "1"), runs("d", "conf")), "toy.conf:same daemon.d:same")
	is(t, "plan", r.plan(declare("conf", "2"), runs("d", "conf")), "toy.conf:change daemon.d:change")
	is(t, "changed", r.apply(declare("conf", "2"), runs("d", "conf")), "toy.conf:done daemon.d:done")
	is(t, "it runs with", r.process("d").Read, "toy:2")
	is(t, "settled", r.plan(declare("conf", "2"), runs("d", "conf")), "toy.conf:same daemon.d:same")

	// Drift that the process never saw is no reason to restart it.
	r.put("conf", "toy:drift")
	started := r.process("d").Started
	r.apply(declare("conf", "2"), runs("d", "conf"))
	if p := r.process("d"); p.Started != started || p.Read != "toy:2" {
		t.Errorf("it was restarted for what it had never read: %+v", p)
	}
	// It started by itself while the file was wrong: then it is.
	r.put("conf", "toy:drift")
	r.start("d", "conf")
	is(t, "repair", r.apply(declare("conf", "2"), runs("d", "conf")), "toy.conf:done daemon.d:done")
	is(t, "repaired", r.process("d").Read, "toy:2")
	// It started by itself, as after a reboot, with the file as it is: it needs no restart.
	r.start("d", "conf")
	is(t, "started anew", r.apply(declare("conf", "2"), runs("d", "conf")), "toy.conf:same daemon.d:same")
	// A label is no change.
	renamed := but(declare("conf", "2"), func(d *engine.Declared) { d.Addr = "toy.other" })
	is(t, "renamed", r.plan(renamed, but(runs("d", "conf"), func(d *engine.Declared) { d.Inputs = []engine.Addr{"toy.other"} })),
		"toy.other:same daemon.d:same")
}

func TestRestartAfterUndo(t *testing.T) {
	r := newFollowRig(t, nil)
	r.apply(declare("conf", "1"), runs("d", "conf"))
	r.apply(declare("conf", "2"), runs("d", "conf"))
	is(t, "undo", r.undo(), "toy.conf:done daemon.d:done")
	is(t, "it runs with", r.process("d").Read, "toy:1")
	is(t, "the old plan again", r.apply(declare("conf", "1"), runs("d", "conf")), "toy.conf:same daemon.d:same")
}

// A run that ends between the file and the restart leaves the restart to the next one.
func TestRestartAfterCrash(t *testing.T) {
	r := newFollowRig(t, nil)
	r.apply(declare("conf", "1"), runs("d", "conf"))
	r.start("d", "conf") // so that nothing but the times can tell
	broken := func(p engine.Planner) (*engine.Plan, error) {
		return p.Plan(context.Background(), []engine.Declared{declare("conf", "2"), declare("x", "fail"), but(runs("d", "conf"), func(d *engine.Declared) {
			d.DependsOn = append(d.DependsOn, "toy.x")
		})})
	}
	is(t, "half", ended(r.runs(context.Background(), broken, nil)), "toy.conf:done toy.x:failed daemon.d:skipped")
	is(t, "it runs with", r.process("d").Read, "toy:1")
	is(t, "plan", r.plan(declare("conf", "2"), runs("d", "conf")), "toy.x:same toy.conf:same daemon.d:change")
	is(t, "healed", r.apply(declare("conf", "2"), runs("d", "conf")), "toy.x:same toy.conf:same daemon.d:done")
	is(t, "it runs with", r.process("d").Read, "toy:2")
}

// Wherever a run stops, the next one leaves the process with the file as it is wanted.
func TestRestartAfterEveryStop(t *testing.T) {
	want := []engine.Declared{declare("conf", "2"), runs("d", "conf")}
	points, hit := 0, 0
	for n := 1; ; n++ {
		r := newFollowRig(t, nil)
		r.apply(declare("conf", "1"), runs("d", "conf"))
		r.start("d", "conf") // so that nothing but the times can tell
		r.StopAt(n)
		r.stopped(want)
		fired := r.Fired()
		r.Reset()
		if !fired {
			break
		}
		points++
		r.apply(want...)
		if got := r.process("d").Read; got == "toy:2" {
			hit++
		} else {
			t.Errorf("stopped at change %d, it runs with %s", n, got)
		}
	}
	t.Logf("%d of %d stops healed", hit, points)
	if points < 10 || hit != points {
		t.Errorf("%d points, %d healed", points, hit)
	}
}

// stopped is a run on a machine that dies in it.
func (r rig) stopped(ds []engine.Declared) {
	r.t.Helper()
	rec, err := r.ledger().Start(context.Background(), r.Host(), journal.Info{Verb: "apply"}, journal.Options{})
	if err != nil {
		return // it died before the run began
	}
	defer rec.Close()
	p, err := r.planner(rec).Plan(context.Background(), ds)
	if err != nil {
		r.t.Fatal(err)
	}
	engine.Converger{Host: r.Host(), Recorder: rec}.Apply(context.Background(), p)
	_ = rec.Finish(journal.Converged) // a dead machine records nothing
}

func TestReload(t *testing.T) {
	r := newFollowRig(t, nil)
	reload := func(d *daemon) { d.ReloadOn = []engine.Addr{"toy.rules"} }
	plan := func(rules, conf string) []engine.Declared {
		d := but(runs("d", "conf", reload), func(d *engine.Declared) { d.DependsOn = append(d.DependsOn, "toy.rules") })
		return []engine.Declared{declare("conf", conf), declare("rules", rules), d}
	}
	r.apply(plan("1", "1")...)
	is(t, "rules", r.apply(plan("2", "1")...), "toy.conf:same toy.rules:done daemon.d:done")
	if p := r.process("d"); p.Reloads != 1 {
		t.Errorf("it was restarted: %+v", p)
	}
	is(t, "both", r.apply(plan("3", "2")...), "toy.conf:done toy.rules:done daemon.d:done")
	if p := r.process("d"); p.Reloads != 0 || p.Read != "toy:2" {
		t.Errorf("it was not restarted: %+v", p)
	}
}

// What is passive restarts others only where they name it for that.
func TestPassive(t *testing.T) {
	r := newFollowRig(t, nil)
	calm := func(value string) engine.Declared {
		return but(declare("conf", value), func(d *engine.Declared) {
			d.Kind = engine.NewKind("toy", plaything{"toy:"}, engine.Passive())
		})
	}
	named := func(d *daemon) { d.RestartOn = []engine.Addr{"toy.conf"} }
	r.apply(calm("1"), runs("d", "conf"))
	is(t, "referred to", r.apply(calm("2"), runs("d", "conf")), "toy.conf:done daemon.d:same")
	is(t, "named", r.apply(calm("3"), runs("d", "conf", named)), "toy.conf:done daemon.d:done")
}

// A composite is planned, pruned, targeted and referred to as the resources that it is made of.
func TestComposite(t *testing.T) {
	r := newRig(t, nil)
	set := engine.Declared{Addr: "set.s", Kind: engine.NewComposite[toys]("set"), Spec: &toys{Names: []string{"a", "b"}}, Place: engine.Place{File: "p.hcl", Start: engine.Position{Line: 3}}}
	user := but(declare("c", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"set.s"} })
	is(t, "plan", r.plan(user, set), "set.s/toy.b:create set.s/toy.a:create toy.c:create")
	is(t, "apply", r.apply(user, set), "set.s/toy.b:done set.s/toy.a:done toy.c:done")
	is(t, "left out", r.plan(declare("c", "1"), but(set, func(d *engine.Declared) { d.LeftOut = true })), "toy.c:same")
	is(t, "left out unseen", r.plan(declare("c", "1"), but(set, func(d *engine.Declared) { d.LeftOut, d.Spec = true, nil })), "toy.c:same")
	p := r.planner(r.ledger())
	p.Targets = []engine.Addr{"set.s"}
	only, err := p.Plan(context.Background(), []engine.Declared{user, set})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "target", told(only), "set.s/toy.b:same set.s/toy.a:same")
	is(t, "pruned", r.apply(declare("c", "1")), "set.s/toy.a:done set.s/toy.b:done toy.c:same")
	is(t, "ignore_changes", r.plan(but(set, func(d *engine.Declared) { d.IgnoreChanges = []string{"names"} })),
		"p.hcl:3: Not for a composite: set.s is made of other resources: it has no state to ignore changes of, nor to check afterwards. Remove ignore_changes and postcondition.")
}

type toys struct {
	Names []string `hcl:"names"`
}

// Expand makes a toy of every name, the first after all others.
func (s *toys) Expand(inputs []engine.Addr) []engine.Declared {
	var out []engine.Declared
	for _, name := range s.Names {
		out = append(out, declare(name, "1"))
		out[len(out)-1].Inputs = inputs
	}
	for _, d := range out[1:] {
		out[0].DependsOn = append(out[0].DependsOn, d.Addr)
	}
	return out
}
