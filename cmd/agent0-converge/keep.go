package main

import (
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/engine/tally"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
)

// secrets is what a journal knows of secrets, as bundles ask for it.
type secrets struct{ *journal.Journal }

// SecretRef implements bundle.Secrets.
func (s secrets) SecretRef(secret string) (string, error) { return s.Ref(*engine.NewSecret(secret)) }

// partial reports whether a run leaves out some of its plan.
func (f planFlags) partial() bool { return len(f.targets)+len(f.excludes) > 0 }

// keeping is what an apply keeps, while it holds the lock, beside its records: what the plan was
// made from, that nothing of it is contested any more, and how it went.
type keeping struct {
	app  *app
	s    *session
	run  *journal.Recording
	pack *bundle.Pack // nil where the run is a partial one
	note planStatus
}

// keep prepares that. All secrets of the plan are known to rec by now.
func (a *app) keep(s *session, rec *journal.Recording, p *engine.Plan) (*keeping, error) {
	k := &keeping{app: a, s: s, run: rec, note: a.began("apply", s.plan.Name)}
	if err := k.note.drifted(s.planner(rec), p); err != nil {
		return nil, err
	}
	if s.flags.partial() {
		return k, nil
	}
	var err error
	k.pack, err = bundle.Make(s.host.Files.Tree, s.input, s.plan, s.flags.secrets == "digest-only", secrets{rec.Journal})
	return k, asRoot(err)
}

// ended keeps it.
func (k *keeping) ended(r *engine.Report, result journal.Result) error {
	now, files := k.app.now(), k.s.host.Files
	counts, err := tally.Read(files.Tree)
	if err != nil {
		return err
	}
	var arrived []engine.Claim
	for _, res := range r.Results {
		if res.Status == engine.Done || res.Status == engine.Same {
			arrived = append(arrived, res.Claim())
		}
	}
	counts.Reset(k.s.plan.Name, arrived)
	if err := counts.Store(files, now); err != nil {
		return err
	}
	if result == journal.Converged && k.pack != nil {
		if err := k.store(); err != nil {
			return err
		}
	}
	k.note.ended(now, k.run.ID(), r, result, counts.Contested(k.s.plan.Name))
	return k.app.writeStatus(k.s.host, k.note)
}

// store keeps what the plan was made from as long as something of it is on the host.
func (k *keeping) store() error {
	if len(k.run.Owned(k.s.plan.Name)) == 0 {
		return bundle.Remove(k.s.host.Files, k.s.plan.Name)
	}
	return k.pack.Store(k.s.host.Files)
}

// began starts the account of a run.
func (a *app) began(verb, plan string) planStatus {
	return planStatus{Verb: verb, Plan: plan, Began: a.now().UTC().Truncate(time.Second)}
}
