package main

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
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/engine/tally"
)

// statusPath is where the last run of every plan is told, to everybody. It lasts as long as the
// system runs: what it says of an earlier boot is in the journal.
const statusPath = engine.RunDir + "/status.json"

// hostStatus is the file at statusPath, and the JSON of status.
type hostStatus struct {
	FormatVersion string       `json:"format_version"`
	Plans         []planStatus `json:"plans"`
}

// planStatus is how the last run of a plan went.
type planStatus struct {
	Plan string `json:"plan"`
	// Verb is "apply" or "apply --last".
	Verb string `json:"verb"`
	// Run is its number; 0 is a run that changed nothing and so left no record.
	Run   int       `json:"run"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Result is that of the journal, or "error" where the run did not get as far.
	Result journal.Result `json:"result"`
	Error  string         `json:"error,omitempty"`
	// Resources is how many the plan has here.
	Resources int `json:"resources"`
	// Drift is what was found to have moved, whatever became of it.
	Drift     []statusChange `json:"drift"`
	Changed   int            `json:"changed"`
	Failed    int            `json:"failed"`
	LeftAlone []statusChange `json:"left_alone"`
	Contested []statusChange `json:"contested"`
	// Corrected is the last run in this boot that put drift right, this one or an earlier one.
	Corrected *repair `json:"corrected,omitempty"`
}

// repair is drift that was put right.
type repair struct {
	Run   int            `json:"run"`
	Ended time.Time      `json:"ended"`
	Drift []statusChange `json:"drift"`
}

// statusChange is one resource of which there is something to say.
type statusChange struct {
	Addr       engine.Addr `json:"address"`
	Attributes []string    `json:"attributes,omitempty"`
	Why        string      `json:"why,omitempty"`
}

// String names the resource and its attributes.
func (c statusChange) String() string {
	if len(c.Attributes) == 0 {
		return string(c.Addr)
	}
	return fmt.Sprintf("%s (%s)", c.Addr, strings.Join(c.Attributes, ", "))
}

// attributes are those in which a thing differed that was there.
func attributes(c *engine.Change) []string {
	if c.Action != engine.Update {
		return nil
	}
	var out []string
	for _, f := range c.Fields {
		out = append(out, f.Name)
	}
	return out
}

// drifted notes, before anything is changed, what differs though the plan says what it said.
func (s *planStatus) drifted(planner engine.Planner, p *engine.Plan) error {
	for _, c := range p.Changes {
		switch c.Action {
		case engine.Create, engine.Update, engine.Remove:
		default:
			continue
		}
		asked := *c
		asked.Fields = slices.Clone(c.Fields)
		cause, err := planner.Causes(&asked)
		if err != nil {
			return err
		}
		if cause == engine.Drifted {
			s.Drift = append(s.Drift, statusChange{Addr: c.Addr, Attributes: attributes(c)})
		}
	}
	return nil
}

// ended notes how the run went.
func (s *planStatus) ended(now time.Time, run int, r *engine.Report, result journal.Result, contested []tally.Entry) {
	s.Run, s.Result, s.Ended = run, result, now.UTC().Truncate(time.Second)
	s.Resources = len(r.Results)
	s.Changed, s.Failed = r.Count(engine.Done), r.Count(engine.Failed)+r.Count(engine.Skipped)
	for _, res := range r.Results {
		if res.Status == engine.Left {
			s.LeftAlone = append(s.LeftAlone, statusChange{Addr: res.Addr, Attributes: attributes(res.Change), Why: res.Why})
		}
	}
	s.contested(contested)
	s.corrected(r)
}

// corrected notes which of the drift is gone.
func (s *planStatus) corrected(r *engine.Report) {
	c := &repair{Run: s.Run, Ended: s.Ended}
	for _, res := range r.Results {
		i := slices.IndexFunc(s.Drift, func(d statusChange) bool { return d.Addr == res.Addr })
		if i >= 0 && res.Status == engine.Done {
			c.Drift = append(c.Drift, s.Drift[i])
		}
	}
	if len(c.Drift) > 0 {
		s.Corrected = c
	}
}

func (s *planStatus) contested(entries []tally.Entry) {
	for _, e := range entries {
		i := slices.IndexFunc(s.Contested, func(c statusChange) bool { return c.Addr == e.Addr })
		if i < 0 {
			i = len(s.Contested)
			s.Contested = append(s.Contested, statusChange{Addr: e.Addr})
		}
		if e.Attribute != "" {
			s.Contested[i].Attributes = append(s.Contested[i].Attributes, e.Attribute)
		}
	}
}

// bad reports whether somebody has to look.
func (s *planStatus) bad() bool { return s.Result != journal.Converged || len(s.Contested) > 0 }

// put enters the run of one plan. Lists are never null: others read them.
func (s *hostStatus) put(p planStatus) {
	for _, list := range []*[]statusChange{&p.Drift, &p.LeftAlone, &p.Contested} {
		*list = append([]statusChange{}, *list...)
	}
	if i := slices.IndexFunc(s.Plans, func(o planStatus) bool { return o.Plan == p.Plan }); i >= 0 {
		if p.Corrected == nil {
			p.Corrected = s.Plans[i].Corrected
		}
		s.Plans = slices.Delete(s.Plans, i, i+1)
	}
	s.Plans = append(s.Plans, p)
	slices.SortFunc(s.Plans, func(a, b planStatus) int { return strings.Compare(a.Plan, b.Plan) })
}

// writeStatus tells everybody how a run went. An image has nobody to tell.
func (a *app) writeStatus(h *host.Host, s planStatus) error {
	if h.Offline {
		return nil
	}
	all, err := readStatus(h.Files.Tree)
	if err != nil {
		h.Log.Warn("the status of earlier runs is lost", "error", err)
	}
	all.put(s)
	b, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = openRunDir(h.Files)
	}
	if err == nil {
		err = h.Files.Write(statusPath, append(b, '\n'), host.Attr{Mode: publicFile, UID: -1, GID: -1})
	}
	if err != nil {
		return fmt.Errorf("cannot tell how the run went: %w", err)
	}
	return nil
}

// openRunDir makes the folder that everybody may look into, whoever made it first.
func openRunDir(files *host.Files) error {
	if err := files.MkdirAll(engine.RunDir, publicDir); err != nil {
		return err
	}
	info, err := files.Stat(engine.RunDir)
	if err != nil || info.Mode&publicDir == publicDir {
		return err
	}
	return files.SetAttr(engine.RunDir, host.Attr{Mode: publicDir, UID: -1, GID: -1})
}

func readStatus(tree host.Tree) (hostStatus, error) {
	none := hostStatus{FormatVersion: "1.0", Plans: []planStatus{}}
	b, err := tree.ReadFile(statusPath)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	var s hostStatus
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return none, fmt.Errorf("cannot read %s: %w", statusPath, err)
	}
	return s, nil
}
