// Package tally counts, on a host, how often what was applied had to be put right again. Something
// that is put right again and again is contested: somebody else wants it otherwise, and to fight on
// would only hide that.
package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// File is where the tally lies in the host's root. Only root can read it.
const File = engine.StateDir + "/contested"

// Window is how long a correction counts.
const Window = 24 * time.Hour

// format is the number of the file's format.
const format = 1

// Entry is one attribute of one thing.
type Entry struct {
	Plan  string       `json:"plan"`
	Addr  engine.Addr  `json:"address"`
	Claim engine.Claim `json:"claim"`
	// Attribute is "" for the thing as a whole: it was gone.
	Attribute string `json:"attribute,omitempty"`
	// Corrected are the times at which it was put right.
	Corrected []time.Time `json:"corrected,omitempty"`
	// Contested lasts until somebody applies the plan by hand.
	Contested bool `json:"contested,omitempty"`
}

// Tally is what is counted on one host. Whoever changes it holds the host's lock.
type Tally struct {
	entries []Entry
	changed bool
}

type document struct {
	Format  int     `json:"format"`
	Entries []Entry `json:"entries"`
}

// Read reads the tally of a host. A host without one has an empty one.
func Read(tree host.Tree) (*Tally, error) {
	b, err := tree.ReadFile(File)
	if errors.Is(err, fs.ErrNotExist) {
		return &Tally{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which resources are contested: %w", err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("cannot read which resources are contested: %s is damaged, remove it: %w", File, err)
	}
	if d.Format != format {
		return nil, fmt.Errorf("cannot read which resources are contested: %s has format %d and this version knows %d", File, d.Format, format)
	}
	return &Tally{entries: d.Entries}, nil
}

// Contested lists what is contested of a plan.
func (t *Tally) Contested(plan string) []Entry {
	var out []Entry
	for _, e := range t.entries {
		if e.Plan == plan && e.Contested {
			out = append(out, e)
		}
	}
	return out
}

// Fought reports whether something of the thing is contested: it was put right after times within
// the Window, or earlier and nobody applied its plan by hand since.
func (t *Tally) Fought(plan string, claim engine.Claim, after int, now time.Time) bool {
	found := false
	for i := range t.entries {
		e := &t.entries[i]
		if e.Plan != plan || e.Claim != claim {
			continue
		}
		if !e.Contested && len(recent(e.Corrected, now)) >= after {
			e.Contested, t.changed = true, true
		}
		found = found || e.Contested
	}
	return found
}

// Count notes that attributes of a thing were put right; none stand for the thing as a whole.
func (t *Tally) Count(plan string, addr engine.Addr, claim engine.Claim, attributes []string, now time.Time) {
	if len(attributes) == 0 {
		attributes = []string{""}
	}
	for _, attribute := range attributes {
		i := slices.IndexFunc(t.entries, func(e Entry) bool {
			return e.Plan == plan && e.Claim == claim && e.Attribute == attribute
		})
		if i < 0 {
			i = len(t.entries)
			t.entries = append(t.entries, Entry{Plan: plan, Claim: claim, Attribute: attribute})
		}
		e := &t.entries[i]
		e.Addr, e.Corrected = addr, append(e.Corrected, now.UTC().Truncate(time.Second))
	}
	t.changed = true
}

// Reset forgets what was counted of things of a plan.
func (t *Tally) Reset(plan string, claims []engine.Claim) {
	before := len(t.entries)
	t.entries = slices.DeleteFunc(t.entries, func(e Entry) bool { return e.Plan == plan && slices.Contains(claims, e.Claim) })
	t.changed = t.changed || len(t.entries) != before
}

// Store keeps the tally if it changed, without what no longer counts.
func (t *Tally) Store(files *host.Files, now time.Time) error {
	if !t.changed {
		return nil
	}
	for i := range t.entries {
		t.entries[i].Corrected = recent(t.entries[i].Corrected, now)
	}
	t.entries = slices.DeleteFunc(t.entries, func(e Entry) bool { return !e.Contested && len(e.Corrected) == 0 })
	slices.SortFunc(t.entries, func(a, b Entry) int {
		return strings.Compare(a.Plan+"\x00"+string(a.Claim)+"\x00"+a.Attribute, b.Plan+"\x00"+string(b.Claim)+"\x00"+b.Attribute)
	})
	b, err := json.MarshalIndent(document{format, t.entries}, "", " ")
	if err == nil {
		err = files.Write(File, append(b, '\n'), host.Attr{Mode: 0o600, UID: -1, GID: -1})
	}
	if err != nil {
		return fmt.Errorf("cannot keep which resources are contested: %w", err)
	}
	t.changed = false
	return nil
}

// recent are the times that count. What lies ahead was noted under a clock that was wrong, and would
// otherwise count until that day has come.
func recent(times []time.Time, now time.Time) []time.Time {
	var out []time.Time
	for _, at := range times {
		if age := now.Sub(at); age >= -time.Minute && age < Window {
			out = append(out, at)
		}
	}
	return out
}
