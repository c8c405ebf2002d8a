package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
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

// note is a file with a content, which may be secret; folder is a directory.
type (
	note struct {
		Path    string       `hcl:"path,label"`
		Content *engine.Text `hcl:"content,optional"`
		Secret  bool         `hcl:"secret,optional"`
		// Touch is a program to run on it.
		Touch  string `hcl:"touch,optional" diff:"-"`
		Parent bool   `hcl:"parent,optional" diff:"-"`
	}
	folder struct {
		Path string `hcl:"path,label"`
	}
	notes   struct{}
	folders struct{}
)

func (n *note) Claims() []engine.Claim   { return []engine.Claim{engine.PathClaim(n.Path)} }
func (n *note) Needs() []engine.Claim    { return []engine.Claim{engine.PathClaim(path.Dir(n.Path))} }
func (f *folder) Claims() []engine.Claim { return []engine.Claim{engine.PathClaim(f.Path)} }

func (n *note) Implies() []engine.Declared {
	if !n.Parent {
		return nil
	}
	dir := path.Dir(n.Path)
	return []engine.Declared{{Addr: engine.Addr("folder." + dir), Kind: kind("folder"), Spec: &folder{Path: dir}}}
}

func (notes) Read(_ context.Context, v host.View, spec *note) (*note, error) {
	b, err := v.Files.ReadFile(spec.Path)
	if errors.Is(err, fs.ErrNotExist) || isFolder(v, spec.Path) {
		return nil, nil
	}
	have := &note{Path: spec.Path, Secret: spec.Secret, Content: engine.NewText(string(b))}
	if spec.Secret {
		have.Content = engine.NewSecret(string(b))
	}
	return have, err
}

func isFolder(v host.View, name string) bool {
	info, err := v.Files.Lstat(name)
	return err == nil && info.Kind == host.Dir
}

func (notes) Apply(ctx context.Context, h *host.Host, have, want *note) error {
	if want == nil {
		return h.Files.Remove(have.Path)
	}
	if want.Touch != "" {
		if _, err := h.Programs.Run(ctx, "touch", want.Touch, want.Content.Reveal()); err != nil {
			return err
		}
	}
	return h.Files.Write(want.Path, []byte(want.Content.Reveal()), host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

func (folders) Read(_ context.Context, v host.View, spec *folder) (*folder, error) {
	if !isFolder(v, spec.Path) {
		return nil, nil
	}
	return &folder{Path: spec.Path}, nil
}

func (folders) Apply(_ context.Context, h *host.Host, have, want *folder) error {
	if want != nil {
		return h.Files.Mkdir(want.Path, host.Attr{Mode: 0o755, UID: -1, GID: -1})
	}
	names, err := h.Files.ReadDir(have.Path)
	if err == nil && len(names) > 0 {
		return &engine.InUseError{Detail: "it holds " + strings.Join(names, ", ")}
	}
	return h.Files.Remove(have.Path)
}

func kind(name string) *engine.Kind {
	if name == "folder" {
		return engine.NewKind[folder]("folder", folders{})
	}
	return engine.NewKind[note]("note", notes{})
}

func kinds(name string) (*engine.Kind, bool) { return kind(name), name == "note" || name == "folder" }

// A plan is a list of these.
func text(name, content string) engine.Declared {
	return declare("note", name, &note{Path: "/etc/" + name, Content: engine.NewText(content)})
}

func secret(name, content string) engine.Declared {
	return declare("note", name, &note{Path: "/etc/" + name, Content: engine.NewSecret(content), Secret: true})
}

func dir(name string) engine.Declared { return declare("folder", name, &folder{Path: "/etc/" + name}) }

func gone(d engine.Declared) engine.Declared { d.Absent = true; return d }

func declare(k, name string, spec any) engine.Declared {
	return engine.Declared{Addr: engine.Addr(k + "." + name), Kind: kind(k), Spec: spec}
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
			}
		}
		out = append(out, strings.TrimSpace(f[lineClaims]+" "+k.Plan+"/"+string(k.Addr)+" "+f[lineFlags])+" was "+was)
	}
	return strings.Join(out, "\n")
}
