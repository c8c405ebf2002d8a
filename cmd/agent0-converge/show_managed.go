package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
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
	return a.readHost(func(h *host.Host, j *journal.Journal) error {
		managed, records, err := managedBy(j, h.Files.Tree)
		switch {
		case err != nil:
			return asRoot(err)
		case a.json:
			return a.writeJSON(map[string]any{"format_version": "1.0", "managed": managed})
		case len(managed) == 0:
			fmt.Fprintln(a.stdout, "No plan manages anything on this host.")
			return nil
		}
		return a.managedTable(managed, records)
	})
}

func (a *app) managedTable(managed []jsonManaged, records bool) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	head := "PLAN\tRESOURCE\tMANAGES"
	if records {
		head += "\tKNOWN BY"
	}
	fmt.Fprintln(w, head)
	for _, m := range managed {
		row := []string{m.Plan, string(m.Addr), string(m.Claim)}
		fmt.Fprintln(w, strings.Join(append(row, nonEmpty(m.known())...), "\t"))
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
	m.KnownBy, err = r.Now(t)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // then nothing is known of it
	}
	if m.KnownBy != "" {
		m.Verified = &r.Verified
	}
	return err
}
