package engine

import (
	"context"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Declared is one resource as a plan declares it.
type Declared struct {
	Addr  Addr
	Kind  *Kind
	Spec  any // pointer to the kind's struct
	Place Place
	// DependsOn are the addresses that it refers to or names; a whole block's address stands
	// for all its instances.
	DependsOn []Addr
	// Inputs are those of DependsOn that its own attributes refer to: a change of one of them is a
	// change of what it uses.
	Inputs []Addr
	// Absent wants the thing gone.
	Absent bool
	// LeftOut is a resource whose "when" is false: nothing is done to it, nor is it pruned.
	// Its Spec is nil if it could not be evaluated.
	LeftOut bool
	// Deferred says which fact of the host the resource needs that this root cannot tell, as in "needs
	// host.memory". It is left to the first boot, and its Spec is nil.
	Deferred string
	// Implied is what another resource takes for granted, such as its parent directory.
	Implied bool
	// Timeout bounds one change; zero is the kind's default.
	Timeout time.Duration
	// Keep leaves the thing on the host when the plan no longer has it.
	Keep bool
	// PreventRemoval makes a plan that would remove the thing an error.
	PreventRemoval bool
	// IgnoreChanges are attributes that are only set when the thing is created.
	IgnoreChanges []string
	// Check, where not nil, finds why a change cannot be made, beside what the kind itself finds: a
	// composite has no other way to tell.
	Check func(context.Context, host.View) error
	// Post are asked after the change was verified, with what was read back.
	Post []func(have any) error
}

// Entry is what the ledger keeps of one resource: who manages it, as what, and what was there
// before it was first managed.
type Entry struct {
	Head
	Claims    []Claim  `json:"claims"`
	Needs     []Claim  `json:"needs,omitempty"`
	DependsOn []Addr   `json:"depends_on,omitempty"`
	Spec      Recorded `json:"spec"`
	// Before is nil if the thing was not there.
	Before Recorded `json:"before,omitzero"`
	// Whole says that Before tells all of it: the thing was gone since, and what a later run finds
	// is not from before.
	Whole bool `json:"whole,omitempty"`
}

// Head is the part of an Entry that every run looks at.
type Head struct {
	Plan string `json:"plan"`
	Addr Addr   `json:"addr"`
	Kind string `json:"kind"`
	// Digest of the spec and its edges: the same digest is the same declaration.
	Digest         string `json:"digest"`
	Absent         bool   `json:"absent,omitempty"`
	Keep           bool   `json:"keep,omitempty"`
	Implied        bool   `json:"implied,omitempty"`
	PreventRemoval bool   `json:"prevent_removal,omitempty"`
}

// Ledger is what is known of earlier runs on this host. A journal keeps it.
type Ledger interface {
	// Lookup returns the head of the entry whose claims hold c.
	Lookup(c Claim) (Head, bool)
	// Entry returns the whole entry whose claims hold c.
	Entry(c Claim) (Entry, error)
	// Changed returns when the thing of that claim was last changed by a run, on this boot's
	// monotonic clock, 0 for not in this boot. whole is false where that change failed or was cut
	// short.
	Changed(c Claim) (at time.Duration, whole bool)
	// Owned lists the identities of what plan manages, in the order in which it came to.
	Owned(plan string) []Claim
	// OfKind lists the identities of all that is managed of a kind, whatever plan does.
	OfKind(name string) []Claim
	// Ref returns the reference that stands for a text.
	Ref(Text) (string, error)
	// Fetch returns the text that ref stands for, if it is still kept.
	Fetch(ref string) (value string, ok bool, err error)
}

// Past is one change of an earlier run that is to be taken back.
type Past struct {
	Addr      Addr
	Kind      *Kind
	Claims    []Claim
	Needs     []Claim
	DependsOn []Addr
	Inputs    []Addr
	// Spec names the thing; Before is what it was, nil if it was not there.
	Spec, Before any
	// Left is what the run left there, nil for nothing. Where Ended is false the run was cut
	// short and may have left anything.
	Left  Recorded
	Ended bool
	// Prior is the ledger's entry before the run, nil for none.
	Prior *Entry
}

// Loader reads the files that a block names beside its plan, such as a source or a template.
// Plans call it, when there is one, before Default.
type Loader interface{ Load(Sources) error }

// Sources are the files beside a plan. Names are relative to the plan's folder.
type Sources interface {
	// ReadFile returns a file of at most MaxText bytes. One that is not there is fs.ErrNotExist.
	ReadFile(name string) ([]byte, error)
	// Render evaluates the file as a template of the plan language with vars as its only names.
	Render(name string, vars map[string]any) (string, error)
}
