package journal

import (
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Past lists what has to be taken back to return to the state before the run to, oldest first; 0
// stands for the last run that changed something. A thing that several runs changed is taken back
// at once: from what the last of them left to what was there before the first.
func (j *Journal) Past(to int) ([]engine.Past, error) {
	runs, err := j.runsSince(to)
	if err != nil {
		return nil, err
	}
	var order []*span
	byThing, byClaim := map[thing]*span{}, map[engine.Claim]*span{}
	for _, run := range runs {
		for _, c := range run.Changes {
			id := thing{c.Claims[0], c.Kind}
			s := byThing[id]
			if s == nil {
				s = &span{}
				byThing[id] = s
				order = append(order, s)
			}
			if other := byClaim[id.claim]; other != nil && other != s {
				other.replaced = true
			}
			s.changes, s.replaced, byClaim[id.claim] = append(s.changes, c), false, s
		}
	}
	out := make([]engine.Past, 0, len(order))
	for _, s := range order {
		p, err := j.past(s)
		if err != nil {
			return nil, fmt.Errorf("cannot take back %s: %w", s.last().Addr, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// thing is what changes are merged by. What becomes another kind in the same place is two things:
// one that went and one that came.
type thing struct {
	claim engine.Claim
	kind  string
}

// span is what happened to one thing over some runs.
type span struct {
	changes []*RunChange // one for each run, oldest first
	// replaced says that another kind of thing came in its place later: what is there now says
	// nothing about how this one was left.
	replaced bool
}

func (s *span) first() *RunChange { return s.changes[0] }
func (s *span) last() *RunChange  { return s.changes[len(s.changes)-1] }

// runsSince returns the runs from to on, or the last that changed something.
func (j *Journal) runsSince(to int) ([]*Run, error) {
	j.mu.RLock()
	last := j.state.last
	j.mu.RUnlock()
	if to == 0 {
		return j.lastRun(last)
	}
	if to < 0 || to > last {
		return nil, &GoneError{Run: to}
	}
	var runs []*Run
	for id := to; id <= last; id++ {
		run, err := j.Show(id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (j *Journal) lastRun(last int) ([]*Run, error) {
	for id := last; id > 0; id-- {
		run, err := j.Show(id)
		if err != nil {
			return nil, err
		}
		if len(run.Changes) > 0 {
			return []*Run{run}, nil
		}
	}
	return nil, nil
}

func (j *Journal) past(s *span) (engine.Past, error) {
	last := s.last()
	b := last.begun
	kind, ok := j.kinds(b.Kind)
	if !ok {
		return engine.Past{}, fmt.Errorf("this version has no kind %q", b.Kind)
	}
	p := engine.Past{
		Addr: b.Addr, Kind: kind, Claims: b.Claims, Needs: b.Needs, DependsOn: b.DependsOn, Inputs: b.Inputs,
		Left: b.Have, Ended: last.Ended && last.Error == "" && !s.replaced,
	}
	if e := last.ended; e != nil {
		p.Left = e.After
	}
	if prior := s.first().begun.Prior; prior != nil {
		j.remember(prior.Texts)
		p.Prior = &prior.Entry
	}
	var err error
	if p.Before, err = j.before(kind, s); err != nil {
		return p, err
	}
	p.Spec, err = j.decode(kind, b.Spec)
	return p, err
}

// before is what was there before the first change of s, and what later ones found that it did not ask for.
// What came after it was gone is not from before.
func (j *Journal) before(k *engine.Kind, s *span) (any, error) {
	before, err := j.found(k, s.first())
	for _, c := range s.changes[1:] {
		if err != nil || before == nil || !k.Merges() || c.begun.Have == nil {
			break
		}
		var later any
		if later, err = j.found(k, c); err == nil {
			before = k.Merge(before, later)
		}
	}
	return before, err
}

// found is what a change found.
func (j *Journal) found(k *engine.Kind, c *RunChange) (any, error) {
	j.remember(c.begun.Texts)
	return j.decode(k, c.begun.Have)
}

// decode returns a spec with all of its texts that are still kept.
func (j *Journal) decode(k *engine.Kind, r engine.Recorded) (any, error) {
	spec, err := k.Decode(r)
	if err != nil || spec == nil {
		return nil, err
	}
	return spec, engine.Unseal(spec, j.Fetch)
}
