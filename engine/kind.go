// Package engine takes a host from the state that it has to the state that is declared: it
// orders, reads, compares, applies, verifies and reports. It knows no kind of resource, no plan
// language and no terminal.
package engine

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Resource is how one kind of thing is read and changed. S is the kind's struct: a plan's block
// decodes into it and Read reports it, so what is wanted and what is there compare field by field.
type Resource[S any] interface {
	// Read reports the thing that spec names as it is on the host, or nil if absent. It changes nothing.
	// What it reports names the thing as well as spec does: an undo reads by it. Something else in
	// the thing's place is an *OccupiedError.
	Read(ctx context.Context, v host.View, spec *S) (have *S, err error)
	// Apply takes the host from have to want. nil have is to create, nil want to remove, never both nil.
	// Interrupted anywhere and run again, it must still arrive.
	Apply(ctx context.Context, h *host.Host, have, want *S) error
}

// The optional halves of a Resource, found by type assertion. Merger, Preparer, Budgeter, Joiner, Prover and Clasher are others.
type (
	// Differ compares where field by field is not enough.
	Differ[S any] interface {
		Diff(have, want *S) []FieldDiff
	}
	// Checker finds, at plan time, why a change cannot be made. A *NeedError in what it returns
	// holds only if nothing in the plan provides what is needed, a *ConflictError only if nothing in
	// the plan decides about what is in the way.
	Checker[S any] interface {
		Check(ctx context.Context, v host.View, have, want *S) error
	}
	// Undoer goes back to before where Apply to before is not the way.
	Undoer[S any] interface {
		Undo(ctx context.Context, h *host.Host, now, before *S) error
	}
	// Warner says at plan time what will work and is probably not meant. It is like Check, but that
	// nothing is refused. A Follower is asked also where it stays as it is while what it follows changes.
	Warner[S any] interface {
		Warn(ctx context.Context, v host.View, have, want *S) error
	}
	// Describer leaves out of a thing that is to be made, as it is listed, what counts for nothing on this host.
	Describer[S any] interface {
		Describe(v host.View, want *S) *S
	}
	// Batcher says which changes may be made together with others: those of which Apply, and Undo,
	// is nothing but one Write of a file.
	Batcher[S any] interface {
		Batch(have, want *S) bool
	}
	// Irreversible says why undo will not be able to restore have, or "".
	Irreversible[S any] interface {
		Irreversible(have, want *S) string
	}
)

// The optional methods of a kind's struct, on its pointer. Follower, Expander and Sharer are others.
type (
	// Defaulter fills in what the block left out and brings what it says to one form.
	Defaulter interface{ Default() }
	// Validator finds mistakes by looking at the struct alone, before any host.
	Validator interface{ Validate() error }
	// Claimer names what the resource manages; the first is its identity. Without it the
	// identity is the address.
	Claimer interface{ Claims() []Claim }
	// Needer names what must be there first: an edge to the resource that claims it, if one does.
	Needer interface{ Needs() []Claim }
	// Absenter is told that the thing is to be removed, so that Validate asks for no more than its
	// name and Read reports all that is needed to bring it back. Plans call it, then the planner.
	Absenter interface{ Absent() }
	// Implier declares what must be there and need not be written down, such as parent directories.
	// What is implied may be implied by many resources of many plans.
	Implier interface{ Implies() []Declared }
)

// OfflineMode says what a kind does when the root is not the running system.
type OfflineMode int

// What a kind does offline.
const (
	OfflineApply  OfflineMode = iota // as on a running system
	OfflineDefer                     // leaves it to the first boot
	OfflineForbid                    // refuses
)

// DefaultTimeout bounds one resource's change where neither its kind nor its block says otherwise.
const DefaultTimeout = 5 * time.Minute

// Kind is a Resource without its type parameter: what plans, engine and journal work with.
// Specs go in and out as pointers to the kind's struct.
type Kind struct {
	name      string
	spec      reflect.Type
	fields    []field
	offline   OfflineMode
	timeout   time.Duration
	supported bool
	passive   bool

	read  func(context.Context, host.View, any) (any, error)
	apply func(ctx context.Context, h *host.Host, have, want any) error
	undo  func(ctx context.Context, h *host.Host, now, before any) error
	check func(ctx context.Context, v host.View, have, want any) error
	diff  func(have, want any) []FieldDiff
	irrev func(have, want any) string
	batch func(have, want any) bool
	warn  func(ctx context.Context, v host.View, have, want any) error
	merge func(earlier, later any) any
	shown func(v host.View, want any) any

	prepares func(have, want any) bool
	prepare  func(ctx context.Context, h *host.Host, have, want any, tell func(Progress)) error
	budget   func(ctx context.Context, v host.View, cs []*Change)                                // nil for none
	joint    func(ctx context.Context, h *host.Host, cs []*Change) []error                       // nil for one by one
	beside   func(entries []any) func(spec any)                                                  // nil for a kind whose things have nothing in common
	clashes  func(cs []*Change) []Clash                                                          // nil for none
	proof    func(ctx context.Context, v host.View, spec any, pending bool) (warning, err error) // nil for none
}

// KindOption changes what a kind does by default.
type KindOption func(*Kind)

// Offline sets what the kind does when the root is not the running system.
func Offline(m OfflineMode) KindOption { return func(k *Kind) { k.offline = m } }

// Timeout sets how long one change of this kind may take unless its block says otherwise.
func Timeout(d time.Duration) KindOption { return func(k *Kind) { k.timeout = d } }

// NewKind returns the kind name. With a nil r it decodes and documents, but is not on this platform.
func NewKind[S any](name string, r Resource[S], opts ...KindOption) *Kind {
	k := &Kind{name: name, spec: reflect.TypeFor[S](), timeout: DefaultTimeout, supported: r != nil}
	k.fields = fieldsOf(k.spec)
	k.diff = k.diffFields
	k.irrev = func(_, _ any) string { return "" }
	k.batch = func(_, _ any) bool { return false }
	k.prepares = k.batch
	k.check = func(context.Context, host.View, any, any) error { return nil }
	k.warn = k.check
	k.shown = func(_ host.View, want any) any { return want }
	k.beside = besideOf[S]()
	if r != nil {
		bind(k, r)
	}
	for _, o := range opts {
		o(k)
	}
	return k
}

// bind erases r's type. A nil *S becomes a nil any and back, so that absence is one thing everywhere.
func bind[S any](k *Kind, r Resource[S]) {
	k.read = func(ctx context.Context, v host.View, spec any) (any, error) {
		have, err := r.Read(ctx, v, spec.(*S))
		if have == nil || err != nil {
			return nil, err
		}
		return have, nil
	}
	k.apply = func(ctx context.Context, h *host.Host, have, want any) error {
		return r.Apply(ctx, h, ptr[S](have), ptr[S](want))
	}
	k.undo = k.apply
	if u, ok := r.(Undoer[S]); ok {
		k.undo = func(ctx context.Context, h *host.Host, now, before any) error {
			return u.Undo(ctx, h, ptr[S](now), ptr[S](before))
		}
	}
	if c, ok := r.(Checker[S]); ok {
		k.check = func(ctx context.Context, v host.View, have, want any) error {
			return c.Check(ctx, v, ptr[S](have), ptr[S](want))
		}
	}
	if d, ok := r.(Differ[S]); ok {
		k.diff = func(have, want any) []FieldDiff { return d.Diff(ptr[S](have), ptr[S](want)) }
	}
	if w, ok := r.(Warner[S]); ok {
		k.warn = func(ctx context.Context, v host.View, have, want any) error {
			return w.Warn(ctx, v, ptr[S](have), ptr[S](want))
		}
	}
	if d, ok := r.(Describer[S]); ok {
		k.shown = func(v host.View, want any) any { return d.Describe(v, ptr[S](want)) }
	}
	if b, ok := r.(Batcher[S]); ok {
		k.batch = func(have, want any) bool { return b.Batch(ptr[S](have), ptr[S](want)) }
	}
	if m, ok := r.(Merger[S]); ok {
		k.merge = func(earlier, later any) any { return m.Merge(ptr[S](earlier), ptr[S](later)) }
	}
	if p, ok := r.(Preparer[S]); ok {
		k.prepares = func(have, want any) bool { return p.Prepares(ptr[S](have), ptr[S](want)) }
		k.prepare = func(ctx context.Context, h *host.Host, have, want any, tell func(Progress)) error {
			return p.Prepare(ctx, h, ptr[S](have), ptr[S](want), tell)
		}
	}
	if b, ok := r.(Budgeter[S]); ok {
		k.budget = budgetOf(b)
	}
	if j, ok := r.(Joiner[S]); ok {
		k.joint = jointOf(j)
	}
	if c, ok := r.(Clasher[S]); ok {
		k.clashes = clashesOf(c)
	}
	if o, ok := r.(Prover[S]); ok {
		k.proof = func(ctx context.Context, v host.View, spec any, pending bool) (warning, err error) {
			return o.Prove(ctx, v, spec.(*S), pending)
		}
	}
	if i, ok := r.(Irreversible[S]); ok {
		k.irrev = func(have, want any) string { return i.Irreversible(ptr[S](have), ptr[S](want)) }
	}
}

func ptr[S any](v any) *S {
	if v == nil {
		return nil
	}
	return v.(*S)
}

// Name is the block type in a plan, such as "file".
func (k *Kind) Name() string { return k.name }

// Type is the kind's struct type.
func (k *Kind) Type() reflect.Type { return k.spec }

// Supported reports whether the kind can be read and applied on this platform.
func (k *Kind) Supported() bool { return k.supported }

// NewSpec returns a pointer to a new zero struct of the kind.
func (k *Kind) NewSpec() any { return reflect.New(k.spec).Interface() }

// Read reports the thing that spec names, or nil if absent.
func (k *Kind) Read(ctx context.Context, v host.View, spec any) (any, error) {
	if !k.supported {
		return nil, fmt.Errorf("kind %s is not supported on %s", k.name, v.Facts.OS)
	}
	return k.read(ctx, v, spec)
}

// Diff lists the fields of want that have does not meet. Neither may be nil.
func (k *Kind) Diff(have, want any) []FieldDiff { return k.diff(have, want) }

// Claims lists what spec manages, its identity first.
func Claims(addr Addr, spec any) []Claim {
	if c, ok := spec.(Claimer); ok {
		return c.Claims()
	}
	return []Claim{Claim("addr:" + string(addr))}
}

// absent tells spec that its thing is to be removed.
func absent(spec any) {
	if a, ok := spec.(Absenter); ok {
		a.Absent()
	}
}

func needs(spec any) []Claim {
	if n, ok := spec.(Needer); ok {
		return n.Needs()
	}
	return nil
}
