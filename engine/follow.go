package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// Follower is what has to be restarted, or reloaded, when something that it refers to changes.
// It is an optional interface of a kind's struct, on its pointer.
type Follower interface {
	// Reloads are the addresses whose change asks for a reload and no restart.
	Reloads() []Addr
	// Follow tells it, before it is compared, what it follows.
	Follow(restart, reload Inputs)
}

// Inputs are what a resource refers to, as far as they ask for a restart. A restart is a state and
// no event: whoever compares it with what runs finds out also after a crash between the change and
// the restart, and after a reboot that made the restart needless.
type Inputs struct {
	// Digest identifies what they are all declared to be, whatever their addresses. It is "" where
	// that is not known: in an undo.
	Digest string
	// Changed is when a run last changed one of them, or was cut short in changing the resource
	// itself, on this boot's monotonic clock; 0 is not in this boot.
	Changed time.Duration
	// Pending are those that this run has yet to change.
	Pending []Addr
}

// Passive is for kinds of which a change asks for no restart of what refers to them, unless that
// names them for it.
func Passive() KindOption { return func(k *Kind) { k.passive = true } }

var addrsType = reflect.TypeFor[[]Addr]()

// named lists the addresses in spec's attributes that are lists of references.
func namedBy(k *Kind, spec any) []Addr {
	var out []Addr
	v := reflect.ValueOf(spec).Elem()
	for _, f := range k.fields {
		if fv := v.Field(f.index); fv.Type() == addrsType {
			out = append(out, fv.Interface().([]Addr)...)
		}
	}
	return out
}

// followAll tells all that follow others what these are about to do, and compares again.
func (p Planner) followAll(ctx context.Context, plan *Plan, cs []*Change) {
	if !slices.ContainsFunc(cs, follows) {
		return
	}
	deps := make([][]int, len(cs))
	for i, c := range cs {
		deps[i] = c.deps
	}
	order, left := sorted(deps)
	ix := indexOf(cs)
	for _, i := range append(order, left...) {
		c := cs[i]
		if !follows(c) {
			continue
		}
		c.setInputs(ix, cs)
		p.follow(ctx, plan, c, true)
	}
}

func follows(c *Change) bool {
	_, ok := c.Want.(Follower)
	return ok
}

// setInputs finds what c follows: what it names for it, and of what else it refers to all that is
// not passive.
func (c *Change) setInputs(ix index, cs []*Change) {
	reloads := c.Want.(Follower).Reloads()
	explicit := namedBy(c.Kind, c.Want)
	seen := map[int]bool{}
	c.inputs = [2][]*Change{}
	for _, a := range slices.Concat(explicit, c.Inputs) {
		for _, i := range ix.addrs[a] {
			if seen[i] || cs[i] == c || cs[i].Kind.passive && !slices.Contains(explicit, a) {
				continue
			}
			seen[i] = true
			how := 0
			if slices.Contains(reloads, a) {
				how = 1
			}
			c.inputs[how] = append(c.inputs[how], cs[i])
		}
	}
}

// follow tells c what it follows and compares it again. While planning, what is still to be changed
// is pending; when it is c's turn, all of it has been.
func (p Planner) follow(ctx context.Context, plan *Plan, c *Change, planning bool) {
	f, ok := c.Want.(Follower)
	if !ok || c.Action == Broken || c.Action == Defer {
		return
	}
	var in [2]Inputs
	for how := range in {
		var err error
		if in[how], err = p.inputs(c, c.inputs[how], planning); err != nil {
			c.broken(err)
			return
		}
	}
	if at, whole := p.Ledger.Changed(c.Claim()); !whole {
		in[0].Changed = max(in[0].Changed, at)
	}
	if c.Origin == FromPlan {
		f = c.declared.Spec.(Follower) // from which decide makes what is wanted
	}
	f.Follow(in[0], in[1])
	c.Err = nil
	if err := p.decide(ctx, plan, c); err != nil {
		c.broken(err)
	}
	if c.Action == NoOp && len(in[0].Pending)+len(in[1].Pending) > 0 {
		c.Warnings = lines(plan.unmet(c.Kind.warn(ctx, p.View, c.Have, c.Want)))
	}
}

func (p Planner) inputs(c *Change, cs []*Change, planning bool) (Inputs, error) {
	var (
		in   Inputs
		said []string
	)
	for _, d := range cs {
		at, _ := p.Ledger.Changed(d.Claim())
		in.Changed = max(in.Changed, at)
		if planning && d.Action != NoOp && d.Action != Defer {
			in.Pending = append(in.Pending, d.Addr)
		}
		if c.Origin != FromPlan || d.declared.Spec == nil {
			continue
		}
		r, err := p.record(d.Kind, d.declared.Spec)
		if err != nil {
			return in, err
		}
		b, err := json.Marshal(r)
		if err != nil {
			return in, err
		}
		said = append(said, string(d.Claim())+" "+string(b))
	}
	if c.Origin == FromPlan {
		slices.Sort(said)
		b, err := json.Marshal(said)
		if err != nil {
			return in, err
		}
		sum := sha256.Sum256(b)
		in.Digest = hex.EncodeToString(sum[:16])
	}
	return in, nil
}
