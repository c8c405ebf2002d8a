package template

import (
	"context"
	"time"
)

// Limits bound one rendering. A zero field is the default.
type Limits struct {
	// Fuel is how much work may be done: one unit is about one step of an expression, or 64 bytes handled.
	Fuel int
	// Time is how long it may take.
	Time time.Duration
	// Memory is how many bytes all values that are built on the way may have together, whether still in use or not.
	Memory int
	// Output is how many bytes may be printed, also into a variable or by a macro.
	Output int
}

// DefaultLimits are for chat templates: a conversation of a MiB fits many times.
func DefaultLimits() Limits {
	return Limits{Fuel: 5_000_000, Time: 200 * time.Millisecond, Memory: 64 << 20, Output: 8 << 20}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Fuel <= 0 {
		l.Fuel = d.Fuel
	}
	if l.Time <= 0 {
		l.Time = d.Time
	}
	if l.Memory <= 0 {
		l.Memory = d.Memory
	}
	if l.Output <= 0 {
		l.Output = d.Output
	}
	return l
}

const (
	// maxDepth bounds what is within each other: calls of macros, values, generators, brackets and tags.
	maxDepth = 100
	// maxRange is that of Jinja2's sandbox.
	maxRange = 100_000
	// perWork is how many bytes are handled for one unit of fuel, slowWork where each is looked at on its own.
	perWork, slowWork = 64, 8
	// slot is about what one element of a list costs, entry one of a mapping, object any other value.
	slot, entry, object = 16, 96, 48
)

// budget counts what a rendering costs. What runs out panics with a *LimitError, as it may happen anywhere; Render turns
// that back into an error.
type budget struct {
	ctx      context.Context
	deadline time.Time
	fuel     int
	memory   int
	output   int
	depth    int
	unseen   int // fuel spent since the clock was looked at
}

func newBudget(ctx context.Context, l Limits) budget {
	l = l.orDefault()
	return budget{ctx: ctx, deadline: time.Now().Add(l.Time), fuel: l.Fuel, memory: l.Memory, output: l.Output}
}

// spend pays for n units of work.
func (b *budget) spend(n int) {
	b.fuel -= n
	if b.fuel < 0 {
		panic(&LimitError{LimitFuel})
	}
	if b.unseen += n; b.unseen > 4096 {
		b.tick()
	}
}

// handle pays for looking at n bytes, quickly.
func (b *budget) handle(n int) { b.spend(1 + n/perWork) }

// read pays for looking at each of n bytes.
func (b *budget) read(n int) { b.spend(1 + n/slowWork) }

// build pays for a value of n bytes. It is called before the value is made.
func (b *budget) build(n int) {
	if n < 0 || n > b.memory {
		panic(&LimitError{LimitMemory})
	}
	b.memory -= n
	b.handle(n)
}

// buildMany pays for count values of n bytes.
func (b *budget) buildMany(count, n int) {
	if n > 0 && count > b.memory/n {
		panic(&LimitError{LimitMemory})
	}
	b.build(count * n)
}

// tick looks at the clock.
func (b *budget) tick() {
	b.unseen = 0
	if b.ctx.Err() != nil || time.Now().After(b.deadline) {
		panic(&LimitError{LimitTime})
	}
}

// enter goes one level down; the caller leaves it again.
func (b *budget) enter() {
	if b.depth++; b.depth > maxDepth {
		panic(&LimitError{LimitDepth})
	}
}

func (b *budget) leave() { b.depth-- }
