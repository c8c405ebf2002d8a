package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// jsonManaged is one thing that a plan manages.
type jsonManaged struct {
	Claim engine.Claim `json:"claim"`
	engine.Head
	// KnownBy is by what the next run will know what it is without reading it, where it would have to.
	KnownBy  record.Means `json:"known_by,omitempty"`
	Verified *time.Time   `json:"verified,omitempty"`
}

// known says that as a cell of a table.
func (m jsonManaged) known() string {
	if m.KnownBy == "" {
		return ""
	}
	return fmt.Sprintf("%s of %s", m.KnownBy, m.Verified.Local().Format(time.DateTime))
}

func (a *app) showManaged() error {
	h, err := a.openHost("", watchers{})
	if err != nil {
		return err
	}
	defer h.Close()
	j, err := a.openJournal(h)
	if err != nil {
		return err
	}
	managed, records, err := managedBy(j, h.Files.Tree)
	if err != nil {
		return asRoot(err)
	}
	if a.json {
		return a.writeJSON(map[string]any{"format_version": "1.0", "managed": managed})
	}
	if len(managed) == 0 {
		fmt.Fprintln(a.stdout, "No plan manages anything on this host.")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	if records {
		fmt.Fprintln(w, "PLAN\tRESOURCE\tMANAGES\tKNOWN BY")
	} else {
		fmt.Fprintln(w, "PLAN\tRESOURCE\tMANAGES")
	}
	for _, m := range managed {
		fmt.Fprintf(w, "%s\t%s\t%s", m.Plan, m.Addr, m.Claim)
		if known := m.known(); known != "" {
			fmt.Fprintf(w, "\t%s", known)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// managedBy lists what plans manage, and whether records tell of some of it.
func managedBy(j *journal.Journal, t host.Tree) (managed []jsonManaged, records bool, err error) {
	managed = []jsonManaged{}
	for _, plan := range j.Plans() {
		for _, claim := range j.Owned(plan) {
			head, _ := j.Lookup(claim)
			m := jsonManaged{Claim: claim, Head: head}
			if err := m.look(t); err != nil {
				return nil, false, err
			}
			records = records || m.KnownBy != ""
			managed = append(managed, m)
		}
	}
	return managed, records, nil
}

// look finds the record of a model, and whether it holds.
func (m *jsonManaged) look(t host.Tree) error {
	p := m.Claim.Path()
	if p == "" {
		return nil
	}
	r, err := record.Of(t, p)
	if err != nil || r == nil {
		return err
	}
	info, err := t.Lstat(p)
	if err != nil {
		return nil // gone, or out of sight: nothing is known of it
	}
	if m.KnownBy, err = r.Holds(t, info); m.KnownBy != "" {
		m.Verified = &r.Verified
	}
	return err
}
