package journal

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// The sweeps sync tens of thousands of times. That they do is what counts here, not how long a disk
// takes for it.
func TestMain(m *testing.M) {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		if err := os.Setenv("TMPDIR", memory); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// rig is a machine and what is run on it.
type rig struct {
	*hosttest.Machine
	t       testing.TB
	options Options
	limit   limits
	run     *Recording // the run at work
	// watch, where not nil, stands between the engine and the recording.
	watch func(*Recording, engine.Recorder) engine.Recorder
}

func newRig(t testing.TB, files map[string]hosttest.File) *rig {
	t.Helper()
	if files == nil {
		files = map[string]hosttest.File{}
	}
	files["/etc"], files["/var/lib"] = hosttest.File{Dir: true}, hosttest.File{Dir: true}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tick := func() time.Time { now = now.Add(time.Second); return now }
	r := &rig{t: t, options: Options{Now: tick}, limit: defaults()}
	r.Machine = hosttest.New(t, hosttest.Config{Files: files, Programs: map[string]hosttest.Program{
		"touch": func(_ context.Context, _ *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
			return host.Output{Stdout: []byte("touched " + strings.Join(argv[1:], " "))}, nil
		},
	}})
	return r
}

func (r *rig) open() (*Journal, error) {
	j, err := Open(r.View().Files, kinds)
	if err == nil {
		j.limit = r.limit
	}
	return j, err
}

func (r *rig) mustOpen() *Journal {
	r.t.Helper()
	j, err := r.open()
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

func (r *rig) start() (*Recording, error) {
	j, err := r.open()
	if err != nil {
		return nil, err
	}
	info := Info{Verb: "apply", Plan: "p", User: "someone", PID: 7, Boot: "b", Version: "v"}
	r.run, err = j.Start(r.t.Context(), r.Host(), info, r.options)
	return r.run, err
}

// converge runs what plan says with the ledger of the run.
func (r *rig) converge(plan func(engine.Planner, *Recording) (*engine.Plan, error)) error {
	rec, err := r.start()
	if err != nil {
		return err
	}
	defer rec.Close()
	p, err := plan(engine.Planner{View: r.View(), Ledger: rec, Kinds: kinds, Name: "p"}, rec)
	if err != nil {
		return err
	}
	before := len(r.Calls())
	var recorder engine.Recorder = teller{rec, r, &before}
	if r.watch != nil {
		recorder = r.watch(rec, recorder)
	}
	report := engine.Converger{Host: r.Host(), Recorder: recorder}.Apply(r.t.Context(), p)
	result, failed := Converged, report.Stopped
	for _, res := range report.Results {
		if res.Err != nil {
			result, failed = Failed, errors.Join(failed, res.Err)
		}
	}
	return errors.Join(failed, rec.Finish(result))
}

// teller tells a recording of the programs that its machine ran before it ends a change.
type teller struct {
	*Recording
	r    *rig
	told *int
}

func (w teller) End(c *engine.Change, err error) error {
	for _, call := range w.r.Calls()[*w.told:] {
		w.Call(call)
		*w.told++
	}
	return w.Recording.End(c, err)
}

func (r *rig) tryApply(name string, ds ...engine.Declared) error {
	return r.converge(func(p engine.Planner, _ *Recording) (*engine.Plan, error) {
		p.Name = name
		return p.Plan(r.t.Context(), ds)
	})
}

func (r *rig) apply(ds ...engine.Declared) {
	r.t.Helper()
	if err := r.tryApply("p", ds...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryUndo(to int) error {
	return r.converge(func(p engine.Planner, rec *Recording) (*engine.Plan, error) {
		past, err := rec.Past(to)
		if err != nil {
			return nil, err
		}
		return p.Undo(r.t.Context(), past)
	})
}

func (r *rig) undo(to int) {
	r.t.Helper()
	if err := r.tryUndo(to); err != nil {
		r.t.Fatal(err)
	}
}

// ledger is the whole ledger as text, as a fresh reader finds it.
func (r *rig) ledger() string {
	r.t.Helper()
	return entries(r.mustOpen())
}

func entries(j *Journal) string {
	var b strings.Builder
	for _, line := range j.state.ledger.lines {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// owners lists "claim plan/address [flags] before", one entry a line.
func (r *rig) owners() string {
	r.t.Helper()
	j, out := r.mustOpen(), []string{}
	for _, line := range j.state.ledger.lines {
		if line == "" {
			continue
		}
		f := fields(line)
		k, err := j.kept(engine.Claim(unescape(f[lineClaims])))
		if err != nil {
			r.t.Fatal(err)
		}
		was := "nothing"
		if k.Before != nil {
			spec, err := j.decode(kind(k.Kind), k.Before)
			if err != nil {
				r.t.Fatal(err)
			}
			was = k.Kind
			if n, ok := spec.(*note); ok {
				was = n.Content.Reveal()
				if len(was) > 50 {
					was = n.Content.String()
				}
			}
		}
		out = append(out, strings.TrimSpace(f[lineClaims]+" "+k.Plan+"/"+string(k.Addr)+" "+f[lineFlags])+" was "+was)
	}
	return strings.Join(out, "\n")
}
