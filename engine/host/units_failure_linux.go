package host

import (
	"context"
	"time"
)

const (
	// aftermathLimit bounds looking at what a failed job left: it is looked at also past the
	// deadline of the job.
	aftermathLimit = 15 * time.Second
	// logLines is how many of a unit's last lines an error quotes, logTail of how many it chooses them.
	logLines, logTail = 10, "200"
)

// failure adds to an error what the unit is like now and what it last said, also before it was told anything
// if it was at work already.
func (s *systemd) failure(ctx context.Context, e *JobError, told time.Time) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), aftermathLimit)
	defer done()
	st, err := s.Unit(ctx, e.Unit)
	if err != nil { // the job's failure is what is reported; its unit may be one that cannot be loaded
		return e
	}
	e.State = st
	if e.Result == "dependency" {
		e.Needs = s.failedNeeds(ctx, e.Unit)
	}
	e.Log = s.lastLines(ctx, st, told)
	return e
}

// failedNeeds lists what a unit requires and is not there.
func (s *systemd) failedNeeds(ctx context.Context, name string) (out []string) {
	c, err := s.current(ctx)
	if err != nil {
		return nil
	}
	p, err := c.GetUnitPropertiesContext(ctx, name)
	if err != nil {
		return nil
	}
	var names []string
	for _, key := range []string{"Requires", "Requisite", "BindsTo"} {
		more, _ := p[key].([]string)
		names = append(names, more...)
	}
	units, err := c.ListUnitsByNamesContext(ctx, names)
	if err != nil {
		return nil
	}
	for _, u := range units {
		if u.ActiveState == "failed" || u.ActiveState == "inactive" {
			out = append(out, u.Name)
		}
	}
	return out
}

// lastLines are the last that a unit, and systemd about it, wrote since it was told to start or in the start that
// it had by then. A host without journald has none to show.
func (s *systemd) lastLines(ctx context.Context, st UnitState, told time.Time) []string {
	if st.Load == "not-found" || st.Load == "masked" {
		return nil
	}
	// What was said just now may still be on its way to the journal. If it cannot be hurried, the
	// lines that are there serve as well.
	_, _ = s.queries.p.run(ctx, nil, []string{"journalctl", "--sync"})
	argv := []string{"journalctl", "--no-pager", "-q", "-n", logTail, "-o", "json", "--all",
		"--output-fields=MESSAGE,_SYSTEMD_INVOCATION_ID,INVOCATION_ID", "-u", st.Name}
	out, err := s.queries.p.run(ctx, nil, argv) // of its own, as what planning may ask for has no room for its options
	if err != nil {
		return nil
	}
	lines := linesOf(out.Stdout, st.Invocation, told)
	return lines[max(0, len(lines)-logLines):]
}
