package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
)

// savedFormat is the number of the saved plan's format.
const savedFormat = 1

// savedPlan is what "plan --out" writes: how the plan was read, and what was then found and wanted.
// It holds no content and no secret: texts stand in it by reference.
type savedPlan struct {
	Format   int       `json:"agent0_converge_saved_plan"`
	Version  string    `json:"version"`
	Created  time.Time `json:"created"`
	Root     string    `json:"root"`
	Path     string    `json:"plan"`
	Name     string    `json:"name"`
	Digest   string    `json:"digest"`
	Vars     []string  `json:"vars,omitempty"`
	VarFiles []string  `json:"var_files,omitempty"`
	Targets  []string  `json:"targets,omitempty"`
	Excludes []string  `json:"excludes,omitempty"`
	Facts    string    `json:"facts,omitempty"`
	// Unkeyed is a plan saved before the host had a key for secrets: nothing can be said of them.
	Unkeyed   bool          `json:"unkeyed,omitempty"`
	Resources []savedChange `json:"changes"`

	since string // from when it is to hold, where that is not when it was saved
}

type savedChange struct {
	Addr   engine.Addr     `json:"address"`
	Action engine.Action   `json:"action"`
	Have   engine.Recorded `json:"have"`
	Want   engine.Recorded `json:"want"`
}

// savedFile is the file of --out, opened before the process gives up writing. The zero value is
// no --out.
type savedFile struct {
	name string
	f    *os.File
	done bool
}

// openSaved refuses to overwrite what is not a saved plan: --out plan.hcl is an easy slip.
func openSaved(name string) (*savedFile, error) {
	if name == "" {
		return &savedFile{}, nil
	}
	if old, err := os.ReadFile(name); err == nil && len(old) > 0 && !isSaved(old) {
		return nil, fmt.Errorf("cannot save the plan to %s: it exists and is not a saved plan; name another file, or remove it", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot save the plan: %w", err)
	}
	return &savedFile{name: name, f: f}, nil
}

// discard closes the file; without a whole plan in it, it is emptied, so that it cannot be applied.
func (s *savedFile) discard() {
	if s.f == nil {
		return
	}
	if !s.done {
		if err := s.f.Truncate(0); err != nil {
			fmt.Fprintf(os.Stderr, "cannot empty %s: %v\n", s.name, err)
		}
	}
	s.f.Close()
}

func (s *savedFile) write(a *app, sess *session, p *engine.Plan) error {
	if s.f == nil {
		return nil
	}
	saved, err := a.saved(sess, p)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(saved, "", " ")
	if err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	if err := s.f.Truncate(0); err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	if _, err := s.f.WriteAt(append(b, '\n'), 0); err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	s.done = true
	if !a.json {
		fmt.Fprintf(a.stdout, "Saved. To apply just this: agent0-converge apply %s\n", s.name)
	}
	return nil
}

func (a *app) saved(sess *session, p *engine.Plan) (*savedPlan, error) {
	root, err := absolute(a.rootDir)
	if err != nil {
		return nil, err
	}
	out := &savedPlan{
		Format: savedFormat, Version: version, Created: time.Now().UTC().Truncate(time.Second), Root: root,
		Name: sess.plan.Name, Digest: sess.plan.Digest, Vars: sess.flags.vars,
		Targets: sess.flags.targets, Excludes: sess.flags.excludes, Unkeyed: !sess.journal.Keyed(),
	}
	if out.Path, err = absolute(sess.path); err != nil {
		return nil, err
	}
	if out.Facts, err = absolute(sess.flags.facts); err != nil {
		return nil, err
	}
	for _, name := range sess.flags.varFiles {
		if name, err = absolute(name); err != nil {
			return nil, err
		}
		out.VarFiles = append(out.VarFiles, name)
	}
	out.Resources, err = savedChanges(sess.planner(sess.journal), p, out.Unkeyed)
	return out, err
}

// savedChanges records the changes of p. Unkeyed leaves out the references of secrets.
func savedChanges(planner engine.Planner, p *engine.Plan, unkeyed bool) ([]savedChange, error) {
	var out []savedChange
	for _, c := range p.Changes {
		have, err := planner.Record(c.Kind, c.Have)
		if err != nil {
			return nil, err
		}
		want, err := planner.Record(c.Kind, c.Want)
		if err != nil {
			return nil, err
		}
		if unkeyed {
			withoutSecrets(have)
			withoutSecrets(want)
		}
		out = append(out, savedChange{c.Addr, c.Action, have, want})
	}
	return out, nil
}

var secretRef = regexp.MustCompile(`"hmac-sha256:[0-9a-f]*"`)

func withoutSecrets(r engine.Recorded) {
	for name, raw := range r {
		r[name] = secretRef.ReplaceAll(raw, []byte(`"hmac-sha256:"`))
	}
}

func absolute(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return filepath.Abs(name)
}

// markWithin is within how many bytes a saved plan says what it is.
const markWithin = 256

func isSaved(b []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(b), []byte(`{`)) && bytes.Contains(b[:min(len(b), markWithin)], []byte(`"agent0_converge_saved_plan"`))
}

// headOf returns how a file begins.
func headOf(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, markWithin))
}

// readSaved returns the saved plan in the file name, or nil if the file is something else.
func readSaved(name string) (*savedPlan, error) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, nil // reading it as a plan says what is wrong
	}
	if head, err := headOf(name); err != nil || !isSaved(head) && len(bytes.TrimSpace(head)) > 0 {
		return nil, err // a long plan is not to be in memory twice
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if !isSaved(b) {
		if filepath.Ext(name) != ".hcl" && len(bytes.TrimSpace(b)) == 0 {
			return nil, fmt.Errorf("cannot apply %s: it is empty; the run of plan that was to write it did not succeed", name)
		}
		return nil, nil
	}
	var p savedPlan
	var packed bytes.Buffer
	// What is recorded is compared byte by byte, and stands indented in the file.
	err = json.Compact(&packed, b)
	if err == nil {
		err = json.Unmarshal(packed.Bytes(), &p)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the saved plan %s: %w; plan again", name, err)
	}
	if p.Format != savedFormat {
		return nil, fmt.Errorf("cannot read the saved plan %s: its format is %d and this version knows %d; plan again", name, p.Format, savedFormat)
	}
	return &p, nil
}

// adopt makes a run read what the saved plan was made from.
func (p *savedPlan) adopt(a *app, f *planFlags) error {
	if len(f.vars)+len(f.varFiles)+len(f.targets)+len(f.excludes) > 0 {
		return fmt.Errorf("a saved plan has its variables and targets already: leave out --var, --var-file, --target and --exclude")
	}
	root, err := absolute(a.rootDir)
	if err != nil {
		return err
	}
	if root != "" && root != p.Root {
		return fmt.Errorf("the saved plan is for root %q, not %q", p.Root, root)
	}
	a.rootDir = p.Root
	f.vars, f.varFiles, f.targets, f.excludes, f.facts = p.Vars, p.VarFiles, p.Targets, p.Excludes, p.Facts
	return nil
}

// holds compares what was saved with what the plan is now.
func (p *savedPlan) holds(s *session, planner engine.Planner, now *engine.Plan) error {
	const again = "; nothing was changed, plan again"
	since := orElse(p.since, "the plan was saved")
	if s.plan.Digest != p.Digest {
		return fmt.Errorf("the plan or its variables changed since %s%s", since, again)
	}
	found, err := savedChanges(planner, now, p.Unkeyed)
	if err != nil {
		return err
	}
	if len(found) != len(p.Resources) {
		return fmt.Errorf("the plan has %d resources and had %d when %s%s", len(found), len(p.Resources), since, again)
	}
	saved := make(map[engine.Addr]savedChange, len(p.Resources))
	for _, c := range p.Resources {
		saved[c.Addr] = c
	}
	for i, c := range found {
		was, ok := saved[c.Addr]
		switch {
		case !ok:
			return fmt.Errorf("%s is new since %s%s", c.Addr, since, again)
		case !was.Have.Equal(c.Have):
			stale := &engine.StaleError{Addr: c.Addr, Fields: now.Changes[i].Kind.DiffRecorded(was.Have, c.Have), Since: since}
			return fmt.Errorf("the host has moved: %w%s", stale, again)
		case !was.Want.Equal(c.Want) || was.Action != c.Action:
			return fmt.Errorf("what %s is to be has changed since %s%s", c.Addr, since, again)
		}
	}
	return nil
}
