// Package enginetest proves of a kind what the engine promises of all: that a plan changes
// nothing, an apply converges, a second one has nothing to do, undo brings everything back, and
// a run that was stopped or failed anywhere arrives when it is run again.
package enginetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// Case is one state of a machine and what a plan of one resource is to do about it.
type Case[S any] struct {
	Name string
	// Files are on the machine at the start.
	Files map[string]hosttest.File
	// Prepare does to a new machine what Files cannot say, such as a hard link.
	Prepare func(t *testing.T, m *hosttest.Machine)
	// Programs are all that the machine has.
	Programs map[string]hosttest.Program
	// Systemd, where not nil, is how the machine's service manager behaves.
	Systemd *hosttest.SystemdConfig
	// Net, where not nil, makes the machine's network, and Bus what plays the services of its message bus.
	Net func(testing.TB) hosttest.Net
	Bus func(*hosttest.Machine) host.BusFunc
	// Offline makes it an image.
	Offline bool
	// Sources are the files beside the plan, for a kind that is an engine.Loader.
	Sources Sources
	// Spec is the block, as it is decoded: it is loaded, given its defaults and validated.
	Spec *S
	// Absent wants the thing gone.
	Absent bool
	// With is the rest of the plan.
	With []engine.Declared
	// Want is what the plan says about the resource.
	Want engine.Action
	// Err, where not empty, is a part of the error with which the plan refuses; Want counts for
	// nothing then.
	Err string
}

// addr is how the harness calls the resource of a case.
func addr(k *engine.Kind) engine.Addr { return engine.Addr(k.Name() + ".it") }

// Converges proves the promises for every case, on fresh machines: one for every change of the
// host at which the run is stopped, and one for every error with which each may fail.
func Converges[S any](t *testing.T, kind *engine.Kind, cases []Case[S]) {
	t.Helper()
	needRoot(t)
	FastTemp(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s := c.scenario(t, kind)
			if c.Err != "" {
				s.refuses(t, c.Err)
				return
			}
			s.plans(t, c.Want)
			s.converges(t)
			s.goesBack(t)
			s.prunes(t)
			s.stops(t)
			s.fails(t)
		})
	}
}

// scenario is a case without its type parameter.
type scenario struct {
	config  hosttest.Config
	prepare func(t *testing.T, m *hosttest.Machine)
	addr    engine.Addr
	plan    []engine.Declared
	kinds   map[string]*engine.Kind
}

func (c Case[S]) scenario(t *testing.T, kind *engine.Kind) *scenario {
	t.Helper()
	spec := *c.Spec
	ready(t, &spec, c.Absent, c.Sources)
	s := &scenario{
		config:  hosttest.Config{Files: maps.Clone(c.Files), Programs: c.Programs, Systemd: c.Systemd, Net: c.Net, Bus: c.Bus, Offline: c.Offline},
		prepare: c.Prepare, addr: addr(kind), kinds: map[string]*engine.Kind{},
	}
	if s.config.Files == nil {
		s.config.Files = map[string]hosttest.File{}
	}
	// So that the agent's own folders are the only trace that it leaves.
	s.config.Files["/var/lib"] = hosttest.File{Dir: true}
	if c.Systemd != nil {
		s.config.Files["/run"] = hosttest.File{Dir: true}
		s.config.Files["/proc/sys/kernel/random/boot_id"] = hosttest.File{Content: "this-boot\n"}
	}
	s.plan = append(slices.Clone(c.With), engine.Declared{Addr: s.addr, Kind: kind, Spec: &spec, Absent: c.Absent})
	s.learn(s.plan)
	return s
}

// ready does to a spec what plans does once it is decoded.
func ready(t *testing.T, spec any, absent bool, files Sources) {
	t.Helper()
	if a, ok := spec.(engine.Absenter); ok && absent {
		a.Absent()
	}
	if l, ok := spec.(engine.Loader); ok {
		if err := l.Load(files); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := spec.(engine.Defaulter); ok {
		d.Default()
	}
	if v, ok := spec.(engine.Validator); ok {
		if err := v.Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

// learn collects the kinds of what is declared and of what that implies.
func (s *scenario) learn(ds []engine.Declared) {
	for _, d := range ds {
		s.kinds[d.Kind.Name()] = d.Kind
		if i, ok := d.Spec.(engine.Implier); ok {
			s.learn(i.Implies())
		}
	}
}

// machine returns a new machine.
func (s *scenario) machine(t *testing.T) *world {
	t.Helper()
	m := hosttest.New(t, s.config)
	if s.prepare != nil {
		s.prepare(t, m)
	}
	return &world{Machine: m, scenario: s}
}

// refuses proves that the plan is refused with an error that has text, and that an apply of it
// changes nothing.
func (s *scenario) refuses(t *testing.T, text string) {
	t.Helper()
	w := s.machine(t)
	before := w.tree()
	c := find(t, w.mustPlan(t).Changes, s.addr)
	if c.Action != engine.Broken || !strings.Contains(c.Err.Error(), text) {
		t.Fatalf("the plan says %s with the error %v, want one with %q", c.Action, c.Err, text)
	}
	report, err := w.apply()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Addr == s.addr && r.Status != engine.Failed && r.Status != engine.Skipped {
			t.Errorf("apply says %s of what the plan refuses", r.Status)
		}
	}
	if len(s.plan) == 1 {
		same(t, "a refused plan changed the machine", before, w.tree())
	}
}

// plans proves that the plan says want and changes nothing at all.
func (s *scenario) plans(t *testing.T, want engine.Action) {
	t.Helper()
	w := s.machine(t)
	before := w.Dump()
	c := find(t, w.mustPlan(t).Changes, s.addr)
	if c.Action != want {
		t.Fatalf("the plan says %s, want %s (fields %v, error %v)", c.Action, want, c.Fields, c.Err)
	}
	if w.Changes() != 0 {
		t.Errorf("planning changed the machine: %v", w.Ops())
	}
	same(t, "planning changed the machine", before, w.Dump())
}

func find(t *testing.T, cs []*engine.Change, a engine.Addr) *engine.Change {
	t.Helper()
	for _, c := range cs {
		if c.Addr == a {
			return c
		}
	}
	t.Fatalf("the plan has no %s", a)
	return nil
}

func same(t *testing.T, text, before, after string) {
	t.Helper()
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("%s (-before +after):\n%s", text, d)
	}
}
