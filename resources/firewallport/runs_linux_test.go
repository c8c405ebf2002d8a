package firewallport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld/firewalldtest"
)

// runs is a machine on which plans are applied and taken back, one after the other.
type runs struct {
	*hosttest.Machine
	t *testing.T
}

func kindNamed(name string) (*engine.Kind, bool) { return Kind(), name == "firewall_port" }

// block declares a block of a name.
func block(name string, s Spec) engine.Declared {
	s.Default()
	return engine.Declared{Addr: engine.Addr("firewall_port." + name), Kind: Kind(), Spec: &s}
}

// run makes what plan returns, and tells how each change ended.
func (r runs) run(verb string, plan func(engine.Planner, *journal.Recording) (*engine.Plan, error)) string {
	r.t.Helper()
	ctx := context.Background()
	j, err := journal.Open(r.View().Files, kindNamed)
	if err != nil {
		r.t.Fatal(err)
	}
	rec, err := j.Start(ctx, r.Host(), journal.Info{Verb: verb, Plan: "test"}, journal.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := plan(engine.Planner{View: r.View(), Ledger: rec, Kinds: kindNamed, Name: "test"}, rec)
	if err != nil {
		r.t.Fatal(errors.Join(err, rec.Close()))
	}
	var out []string
	for _, c := range p.Changes {
		if c.Err != nil {
			out = append(out, fmt.Sprintf("%s: %v", c.Addr, c.Err))
		}
	}
	report := engine.Converger{Host: r.Host(), Recorder: rec}.Apply(ctx, p)
	for _, res := range report.Results {
		text := fmt.Sprintf("%s %s %s", strings.TrimPrefix(string(res.Addr), "firewall_port."), res.Action, res.Status)
		if res.Err != nil {
			text += ": " + res.Err.Error()
		}
		out = append(out, text)
	}
	if err := rec.Finish(journal.Converged); err != nil {
		r.t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

func (r runs) apply(ds ...engine.Declared) string {
	r.t.Helper()
	return r.run("apply", func(p engine.Planner, _ *journal.Recording) (*engine.Plan, error) {
		return p.Plan(context.Background(), ds)
	})
}

func (r runs) undo() string {
	r.t.Helper()
	return r.run("undo", func(p engine.Planner, rec *journal.Recording) (*engine.Plan, error) {
		past, err := rec.Past(0)
		if err != nil {
			return nil, err
		}
		return p.Undo(context.Background(), past)
	})
}

// withDaemon is a machine on which firewalld, played, rules.
func withDaemon(t *testing.T) (runs, *firewalldtest.Daemon) {
	t.Helper()
	d := firewalldtest.New(nil)
	m := hosttest.New(t, hosttest.Config{
		Files: files(map[string]hosttest.File{"/var/lib": {Dir: true}}), Net: net(""),
		Bus: func(*hosttest.Machine) host.BusFunc { return d.Call },
	})
	return runs{m, t}, d
}

// zones is what the zone of all interfaces has, running and persistent.
func zones(d *firewalldtest.Daemon) string {
	var out []string
	for _, z := range []*firewalldtest.Zone{d.Running("public"), d.Persistent("public")} {
		slices.Sort(z.Rules)
		out = append(out, fmt.Sprint(z.Ports, strings.Join(z.Rules, "; ")))
	}
	return strings.Join(out, "\n")
}

func is(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// TestSourcesChange: what two versions of a block have in common stays open all along, belongs to the later one, and goes
// with it; an undo and its undo do exactly what the runs did.
func TestSourcesChange(t *testing.T) {
	for name, c := range map[string]struct{ few, more []string }{
		"one goes, one comes": {[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.2", "10.0.0.3"}},
		"one comes":           {[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}},
		"one goes":            {[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.1"}},
		"all others":          {[]string{"10.0.0.1"}, []string{"10.0.0.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, d := withDaemon(t)
			few, more := block("api", Spec{Port: "8000", Sources: c.few}), block("api", Spec{Port: "8000", Sources: c.more})
			stays := block("stays", Spec{Port: "9000", Sources: c.few})
			empty := zones(d)
			is(t, "apply", r.apply(few, stays), "api create done\nstays create done")
			first := zones(d)
			is(t, "change", r.apply(more, stays), "stays same same\napi remove done\napi create done")
			second := zones(d)
			is(t, "again", r.apply(more, stays), "api same same\nstays same same")
			is(t, "undo", r.undo(), "api remove done\napi create done")
			is(t, "after the undo", zones(d), first)
			is(t, "undo of the undo", r.undo(), "api remove done\napi create done")
			is(t, "after the undo of the undo", zones(d), second)
			is(t, "drop", r.apply(stays), "stays same same\napi remove done")
			is(t, "drop all", r.apply(), "stays remove done")
			is(t, "after the drop", zones(d), empty)
		})
	}
}
