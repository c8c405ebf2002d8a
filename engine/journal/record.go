package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
)

// record is one line of a run's file: one of its parts is set.
type record struct {
	Run    *Info   `json:"run,omitempty"`
	Begin  *begun  `json:"begin,omitempty"`
	Call   *called `json:"call,omitempty"`
	End    *ended  `json:"end,omitempty"`
	Settle *begun  `json:"settle,omitempty"`
	Done   *done   `json:"done,omitempty"`
	// Synced is how many bytes of the file were durable when this was written, where more were than
	// an earlier record says.
	Synced int64 `json:"synced,omitempty"`
}

// effect is what a record changes in the ledger.
type effect struct {
	Set     *kept        `json:"set,omitempty"`
	Release engine.Claim `json:"release,omitempty"`
}

// kept is an entry of the ledger with the short contents that its Before refers to.
type kept struct {
	engine.Entry
	Texts texts `json:"texts,omitempty"`
}

// texts are contents by their references.
type texts map[string][]byte

// begun is a change about to be made, or one of the ledger alone.
type begun struct {
	N            int                `json:"n"`
	Time         time.Time          `json:"time"`
	Addr         engine.Addr        `json:"addr"`
	Kind         string             `json:"kind"`
	Origin       engine.Origin      `json:"origin"`
	Action       engine.Action      `json:"action"`
	Why          string             `json:"why,omitempty"`
	Irreversible string             `json:"irreversible,omitempty"`
	Claims       []engine.Claim     `json:"claims"`
	Needs        []engine.Claim     `json:"needs,omitempty"`
	DependsOn    []engine.Addr      `json:"depends_on,omitempty"`
	Inputs       []engine.Addr      `json:"inputs,omitempty"`
	Spec         engine.Recorded    `json:"spec"`
	Have         engine.Recorded    `json:"have,omitzero"`
	Want         engine.Recorded    `json:"want,omitzero"`
	Fields       []engine.FieldDiff `json:"fields,omitempty"`
	Texts        texts              `json:"texts,omitempty"` // short contents of Have
	Prior        *kept              `json:"prior,omitempty"` // the ledger's entry until now
	effect
}

// called is a program that was run.
type called struct {
	N int `json:"n,omitempty"`
	Call
}

// ended is how a change ended.
type ended struct {
	N     int             `json:"n"`
	Time  time.Time       `json:"time"`
	Took  time.Duration   `json:"took"`
	At    time.Duration   `json:"at,omitempty"` // on the boot's monotonic clock
	Error string          `json:"error,omitempty"`
	Why   string          `json:"why,omitempty"`
	After engine.Recorded `json:"after,omitzero"`
	effect
}

// done is how a run ended.
type done struct {
	Time   time.Time     `json:"time"`
	At     time.Duration `json:"at,omitempty"`
	Result Result        `json:"result"`
	Counts
}

// decode reads a record. The line's checksum was right, so what is not understood is not damage by
// chance, and still nothing to go on from.
func decode(js []byte) (record, error) {
	var r record
	if err := json.Unmarshal(js, &r); err != nil {
		return r, fmt.Errorf("a record cannot be read: %w", err)
	}
	if r == (record{Synced: r.Synced}) {
		return r, errors.New("a record is of no kind that this version knows")
	}
	for _, b := range []*begun{r.Begin, r.Settle} {
		if b != nil && !claimed(b.Claims) {
			return r, errors.New("a record of a change does not say of what")
		}
	}
	if set := r.effect().Set; set != nil && !claimed(set.Claims) {
		return r, errNoClaim
	}
	return r, nil
}

// errNoClaim is an entry that nothing could ever find.
var errNoClaim = errors.New("an entry of the ledger does not say of what")

func claimed(cs []engine.Claim) bool { return len(cs) > 0 && !slices.Contains(cs, "") }

// effect is what the record changes in the ledger.
func (r record) effect() effect {
	switch {
	case r.Begin != nil:
		return r.Begin.effect
	case r.Settle != nil:
		return r.Settle.effect
	case r.End != nil:
		return r.End.effect
	}
	return effect{}
}
