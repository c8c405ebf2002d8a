package unit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// sameInAPass proves that a unit which is read in a pass with others, as a plan does, is told as it is when it is read
// by itself: what is there, what differs, what is warned of and what is refused.
func sameInAPass(t *testing.T, v host.View, ds []engine.Declared) {
	t.Helper()
	var names []string
	for _, d := range ds {
		if s, ok := d.Spec.(*Spec); ok {
			names = append(names, s.Name)
		}
	}
	pass := v.Pass(names)
	for _, d := range ds {
		if s, ok := d.Spec.(*Spec); ok {
			is(t, s.Name+" in a pass", reads(t, pass, s, d.Absent), reads(t, v, s, d.Absent))
		}
	}
}

// reads is all that is told of a unit before it is changed.
func reads(t *testing.T, v host.View, spec *Spec, gone bool) string {
	t.Helper()
	have, err := resource{}.Read(t.Context(), v, spec)
	if err != nil {
		return err.Error()
	}
	var out []string
	if have != nil {
		recorded, err := Kind().Encode(have)
		if err != nil {
			t.Fatal(err)
		}
		for _, attribute := range sortedKeys(recorded) {
			out = append(out, "is "+attribute+" = "+string(recorded[attribute]))
		}
	}
	want := spec
	if gone {
		want = nil
	}
	if have != nil && want != nil {
		for _, f := range (resource{}).Diff(have, want) {
			out = append(out, "differs in "+f.Name+": "+f.Have+" -> "+f.Want)
		}
	}
	if have != nil || want != nil {
		err = errors.Join(resource{}.Warn(t.Context(), v, have, want), resource{}.Check(t.Context(), v, have, want))
	}
	if err != nil {
		out = append(out, err.Error())
	}
	return strings.Join(out, "\n")
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// asked counts how a service manager was asked for units.
type asked struct {
	*hosttest.Systemd
	whole, many int
}

func (a *asked) Unit(ctx context.Context, name string) (host.UnitState, error) {
	a.whole++
	return a.Systemd.Unit(ctx, name)
}

func (a *asked) Resting(ctx context.Context, names []string) (map[string]host.UnitState, error) {
	a.many++
	return a.Systemd.Resting(ctx, names)
}

// TestPlanAsksOnceForUnitsAtRest proves that a plan which changes nothing asks for all units at rest at once,
// and in full for those that run.
func TestPlanAsksOnceForUnitsAtRest(t *testing.T) {
	r := newRig(t, with(written, link), on("cooler.service"))
	a := &asked{Systemd: r.Systemd()}
	h, err := host.Open(host.Options{Root: r.Path("/"), Facts: &host.Facts{OS: "linux"}, Units: a, Programs: map[string]host.ProgramFunc{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	j, err := journal.Open(h.View().Files, kind)
	if err != nil {
		t.Fatal(err)
	}
	ds := []engine.Declared{r.declare(spec())}
	for _, name := range []string{"vendor.service", "static.service", "other.service"} {
		d := r.declare(&Spec{Name: name, State: stopped})
		d.Addr = engine.Addr("unit." + name)
		ds = append(ds, d)
	}
	p, err := engine.Planner{View: h.View(), Ledger: j, Kinds: kind, Name: "test"}.Plan(t.Context(), ds)
	if err != nil {
		t.Fatal(err)
	}
	is(t, "the plan", told(p), "")
	if a.many != 1 || a.whole != 1 {
		t.Errorf("it asked %d times for many and %d times for one, want once for all and once for that which runs", a.many, a.whole)
	}
}

// TestPassIsNeverStale proves that what changes between two plans of one process is seen, by the same planner too, and
// so is what changes between a plan and its apply, and what the apply itself has changed.
func TestPassIsNeverStale(t *testing.T) {
	r := newRig(t, with(written, link), on("cooler.service"))
	j, err := journal.Open(r.View().Files, kind)
	if err != nil {
		t.Fatal(err)
	}
	planner := engine.Planner{View: r.View(), Ledger: j, Kinds: kind, Name: "test"}
	plan := func() *engine.Plan {
		t.Helper()
		p, err := planner.Plan(t.Context(), []engine.Declared{r.declare(spec())})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	dropin := cooler + ".d/mine.conf"
	for _, c := range []struct {
		what   string
		change func()
		want   string
	}{
		{"at first", func() {}, ""},
		{"without its link", func() { r.Delete(wants) }, "change unit.it\n  enabled: disabled → true"},
		{"with its link again", func() { r.Put(wants, hosttest.File{Link: cooler}) }, ""},
		{"stopped", func() {
			if err := r.Systemd().Do(t.Context(), host.StopUnit, "cooler.service"); err != nil {
				t.Fatal(err)
			}
		}, "change unit.it\n  state: stopped → running"},
		{"masked", func() { r.Delete(cooler); r.Put(cooler, hosttest.File{Link: "/dev/null"}) }, "masked: true → false"},
		{"with its file again", func() { r.Delete(cooler); r.Put(cooler, hosttest.File{Content: written}) }, "change unit.it\n  state: stopped → running"},
		{"with a drop-in of another's", func() { r.Put(dropin, hosttest.File{Content: "[Service]\nNice=1\n"}) }, "mine.conf is not the plan's"},
	} {
		c.change()
		got := told(plan())
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		is(t, c.what+", to another planner", r.plan(r.declare(spec())), got)
	}
	r.Delete(dropin)
	r.Put("/etc/systemd/system/old.target.wants/cooler.service", hosttest.File{Link: cooler})
	r.must(r.apply(r.declare(spec()))) // which reads again, and so proves, what it has changed
	is(t, "after the apply", told(plan()), "")

	r.Delete(wants)
	p := plan()
	r.Put(wants, hosttest.File{Link: cooler})
	rec, err := j.Start(t.Context(), r.Host(), journal.Info{Verb: "apply", Plan: "test"}, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	r.Reset()
	report := engine.Converger{Host: r.Host(), Recorder: rec, Strict: true}.Apply(t.Context(), p)
	_, stale := errors.AsType[*engine.StaleError](report.Results[len(report.Results)-1].Err)
	if jobs := r.jobs(); !stale || jobs != "" {
		t.Errorf("what moved after the plan was not seen: %s, told %q", cmp.Diff(nil, report.Results), jobs)
	}
}

// old is a systemd before 254, which does not look at what UpheldBy= links.
type old struct{ *hosttest.Systemd }

func (o old) FileState(context.Context, string) (string, error) { return "static", nil }

// TestUpheldByIsSystemdsToCount proves that what enables a unit only for a later systemd does not count as enabled.
func TestUpheldByIsSystemdsToCount(t *testing.T) {
	text := header + "[Service]\nExecStart=/x\n\n[Install]\nUpheldBy=multi-user.target\n"
	r := newRig(t, with(text, files{"/etc/systemd/system/multi-user.target.upholds/cooler.service": {Link: cooler}}), on())
	s := &Spec{Name: "cooler.service", Service: said{"ExecStart": {"/x"}}, Install: said{"UpheldBy": {"multi-user.target"}}, Enabled: ptr(true)}
	for want, systemd := range map[string]host.ServiceManager{"": r.Systemd(), "enabled: static → true": old{r.Systemd()}} {
		h, err := host.Open(host.Options{Root: r.Path("/"), Facts: &host.Facts{OS: "linux"}, Units: systemd, Programs: map[string]host.ProgramFunc{}})
		if err != nil {
			t.Fatal(err)
		}
		is(t, "what differs", differs(t, h.View(), s), want)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}
