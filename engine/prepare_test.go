package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// parcel is a toy that is delivered: its value must lie in the post before it is unpacked.
type parcel struct {
	Name  string `hcl:"name"`
	Value string `hcl:"value,optional"`
	// After is a toy that must be there first, and that the post needs.
	After string `hcl:"after,optional" diff:"-"`
	// Optional is one that nobody misses.
	Optional bool `hcl:"optional,optional" diff:"-"`
}

func (s *parcel) Claims() []engine.Claim { return []engine.Claim{claim(s.Name)} }

func (s *parcel) Needs() []engine.Claim {
	if s.After == "" {
		return nil
	}
	return []engine.Claim{claim(s.After)}
}

// post delivers parcels from /shop to /toy by way of /post.
type post struct{}

func (post) Read(ctx context.Context, v host.View, spec *parcel) (*parcel, error) {
	have, err := plaything{"toy:"}.Read(ctx, v, &toy{Name: spec.Name})
	if have == nil || err != nil {
		return nil, err
	}
	return &parcel{Name: have.Name, Value: have.Value}, nil
}

func (post) Prepares(have, want *parcel) bool { return have == nil || have.Value != want.Value }

func (post) Prepare(ctx context.Context, h *host.Host, _, want *parcel, tell func(engine.Progress)) error {
	tell(engine.Progress{Done: 1, Total: 2, From: "the shop"})
	if want.After != "" {
		if _, err := h.Files.Stat("/toy/" + want.After); err != nil {
			return fmt.Errorf("the road is closed: %w", err)
		}
	}
	if want.Value == "never" {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	b, err := h.Files.ReadFile("/shop/" + want.Value)
	if err != nil && want.Optional {
		return &engine.OptionalError{Err: err}
	}
	if err != nil {
		return err
	}
	return h.Files.Write("/post/"+want.Name, b, host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

func (post) Apply(_ context.Context, h *host.Host, have, want *parcel) error {
	if want == nil {
		return h.Files.Remove("/toy/" + have.Name)
	}
	b, err := h.Files.ReadFile("/post/" + want.Name)
	if err != nil {
		return err
	}
	return errors.Join(h.Files.Write("/toy/"+want.Name, b, host.Attr{Mode: 0o644, UID: -1, GID: -1}), h.Files.Remove("/post/"+want.Name))
}

// Budget lets two parcels in: the street has no room for more.
func (post) Budget(_ context.Context, _ host.View, changes []*engine.Costed[parcel]) {
	for i, c := range changes {
		if c.Want == nil {
			continue
		}
		c.Cost = engine.Cost{Fetch: 1, Free: int64(2 - i), Left: int64(1 - i), Text: "by post"}
		if i >= 2 {
			c.Err = errors.New("the street is full")
		}
	}
}

func parcelKind() *engine.Kind { return engine.NewKind("parcel", post{}) }

func deliver(name, value string, change ...func(*parcel)) engine.Declared {
	spec := &parcel{Name: name, Value: value}
	for _, c := range change {
		c(spec)
	}
	return engine.Declared{Addr: engine.Addr("parcel." + name), Kind: parcelKind(), Spec: spec}
}

func newShop(t *testing.T, goods ...string) rig {
	r := newRig(t, nil)
	for _, dir := range []string{"/shop", "/post"} {
		r.Put(dir, hosttest.File{Dir: true})
	}
	for _, g := range goods {
		r.Put("/shop/"+g, hosttest.File{Content: "toy:" + g})
	}
	return r
}

// delivers plans ds, prepares what it may ahead of the run, and runs.
func (r rig) delivers(ctx context.Context, ds ...engine.Declared) (*engine.Report, []engine.Progress, *engine.Prepared) {
	r.t.Helper()
	var (
		mu   sync.Mutex
		told []engine.Progress
	)
	tell := func(p engine.Progress) { mu.Lock(); defer mu.Unlock(); told = append(told, p) }
	prepared := &engine.Prepared{}
	plan, err := r.planner(r.ledger()).Plan(context.Background(), ds)
	if err != nil {
		r.t.Fatal(err)
	}
	before := r.Dump("/post", "/var/lib")
	if err := prepared.Run(ctx, r.Host(), prepared.Awaits(plan), tell); err != nil && ctx.Err() == nil {
		r.t.Fatal(err)
	}
	if after := r.Dump("/post", "/var/lib"); before != after {
		r.t.Errorf("preparing changed what plans manage:\n%s\n%s", before, after)
	}
	report := r.runs(ctx, func(p engine.Planner) (*engine.Plan, error) { return p.Plan(context.Background(), ds) },
		func(v *engine.Converger) { v.Prepared, v.Tell = prepared, tell })
	return report, told, prepared
}

func TestPrepared(t *testing.T) {
	r := newShop(t, "car", "doll")
	report, told, prepared := r.delivers(context.Background(), deliver("a", "car"), deliver("b", "doll"))
	is(t, "statuses", ended(report), "parcel.a:done parcel.b:done")
	is(t, "what is there", r.toys(), "a=toy:car b=toy:doll")
	ends := 0
	for _, p := range told {
		if p.Ended && p.Error == "" && p.Addr != "" {
			ends++
		}
	}
	if ends != 2 || len(told) != 4 {
		t.Errorf("told %+v", told)
	}
	plan, err := r.planner(r.ledger()).Plan(context.Background(), []engine.Declared{deliver("a", "car")})
	if err != nil || len(prepared.Awaits(plan)) != 0 {
		t.Errorf("what is there awaits preparation: %v", err)
	}
}

// What could not be prepared is not begun: no run is kept of a vain attempt.
func TestPreparedInVain(t *testing.T) {
	r := newShop(t, "car")
	report, told, _ := r.delivers(context.Background(), deliver("a", "car"), deliver("b", "sold out"))
	is(t, "statuses", ended(report), "parcel.a:done parcel.b:failed")
	if err := report.Results[1].Err; err == nil || !strings.Contains(err.Error(), "cannot create parcel.b: ") {
		t.Errorf("the error is %v", err)
	}
	if last := told[len(told)-1]; !last.Ended {
		t.Errorf("the last that is told is %+v", last)
	}
	runs, err := r.ledger().History()
	if err != nil || len(runs) != 1 || runs[0].Counts.Failed != 0 {
		t.Errorf("the journal has %+v, %v", runs, err)
	}
}

// What can be done without is missing; what depends on it is done all the same.
func TestOptional(t *testing.T) {
	r := newShop(t, "car")
	wish := deliver("a", "sold out", func(p *parcel) { p.Optional = true })
	report, _, _ := r.delivers(context.Background(), wish, declare("b", "1", "a"))
	is(t, "statuses", ended(report), "parcel.a:missing toy.b:done")
	if !report.Converged() {
		t.Error("a run without what is optional has not converged")
	}
	if report.Results[0].Err == nil {
		t.Error("the report does not say why it is missing")
	}
}

// What failed ahead of the run is tried again once the run has changed what it waits for.
func TestPreparedAgain(t *testing.T) {
	r := newShop(t, "car")
	report, _, _ := r.delivers(context.Background(), declare("road", "1"), deliver("a", "car", func(p *parcel) { p.After = "road" }))
	is(t, "statuses", ended(report), "toy.road:done parcel.a:done")
}

// A run that is cancelled while something is prepared leaves it untouched.
func TestPrepareCancelled(t *testing.T) {
	r := newShop(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	report, _, _ := r.delivers(ctx, deliver("a", "never"))
	is(t, "statuses", ended(report), "parcel.a:untouched")
}

func TestBudget(t *testing.T) {
	r := newShop(t, "car", "doll", "kite")
	plan, err := r.planner(r.ledger()).Plan(context.Background(), []engine.Declared{deliver("a", "car"), deliver("b", "doll"), deliver("c", "kite")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range plan.Changes {
		got = append(got, fmt.Sprintf("%s %s %d→%d %v", c.Addr, c.Action, c.Cost.Free, c.Cost.Left, c.Err))
	}
	is(t, "costs", strings.Join(got, "; "),
		"parcel.a create 2→1 <nil>; parcel.b create 1→0 <nil>; parcel.c error 0→-1 the street is full")
}
