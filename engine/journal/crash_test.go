package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// busy is a machine with runs behind it, on which the next run does everything that a run can do
// and then folds and removes old runs.
func busy(t testing.TB) *rig {
	r := newRig(t, map[string]hosttest.File{
		"/etc/a": {Content: "old", Mode: 0o600}, "/etc/long": {Content: long, Mode: 0o600},
		"/etc/s": {Content: "old secret", Mode: 0o600}, "/etc/same": {Content: "1", Mode: 0o600},
	})
	r.Put(keyPath, hosttest.File{Content: strings.Repeat("k", keySize), Mode: 0o600})
	r.limit.tail, r.limit.runs = 0, 2
	r.apply(text("a", "1"), text("b", "1"))
	r.apply(text("a", long+"2"), text("b", "1"))
	r.apply(text("a", "3"), text("b", "1"))
	return r
}

// again makes a machine like r: a sweep makes hundreds.
func (r *rig) again() *rig {
	files := map[string]hosttest.File{}
	check(r.t, fs.WalkDir(os.DirFS(r.Path("/")), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files["/"+name] = hosttest.File{Dir: true, Mode: 0o755}
			return err
		}
		files["/"+name] = hosttest.File{Content: r.Get("/" + name), Mode: 0o600}
		return nil
	}))
	files[Dir] = hosttest.File{Dir: true, Mode: 0o700}
	other := newRig(r.t, files)
	other.limit = r.limit
	return other
}

func (r *rig) next() error {
	return r.tryApply("p", text("a", "4"), text("long", "short"), secret("s", "new secret"), text("same", "1"), dir("d"), text("d/x", long))
}

// states is every ledger that a run makes on its way.
type states struct {
	engine.Recorder
	rec  *Recording
	seen []string
}

func (s *states) note(err error) error { s.seen = append(s.seen, entries(s.rec.Journal)); return err }

func (s *states) Begin(cs ...*engine.Change) error         { return s.note(s.Recorder.Begin(cs...)) }
func (s *states) End(c *engine.Change, failed error) error { return s.note(s.Recorder.End(c, failed)) }
func (s *states) Settle(c *engine.Change) error            { return s.note(s.Recorder.Settle(c)) }

// expected runs next on a machine that nothing befalls.
func expected(t *testing.T) (ledgers []string, tree string, steps int) {
	r := busy(t).again()
	ledgers = []string{r.ledger()}
	r.Reset()
	s := &states{}
	r.watch = func(rec *Recording, inner engine.Recorder) engine.Recorder {
		s.Recorder, s.rec = inner, rec
		return s
	}
	if err := r.next(); err != nil {
		t.Fatal(err)
	}
	return append(ledgers, s.seen...), r.Dump(Dir), r.Changes()
}

// The machine stops before each of its changes in turn, journal and host alike.
func TestStoppedAnywhere(t *testing.T) {
	ledgers, tree, steps := expected(t)
	if steps < 60 {
		t.Fatalf("the run has only %d changes", steps)
	}
	original := busy(t)
	for n := 1; n <= steps; n++ {
		r := original.again()
		r.StopAt(n)
		err := r.next()
		if !r.Fired() {
			t.Fatalf("stop %d never came", n)
		}
		r.Reset()
		if got := r.ledger(); !slices.Contains(ledgers, got) {
			t.Errorf("stopped at %d (%v): the ledger is as it never was:\n%s", n, err, got)
		}
		r.arrives(fmt.Sprintf("stopped at %d", n), tree, ledgers[len(ledgers)-1])
	}
}

// The first run of all makes the folders and the key as well.
func TestStoppedInTheFirstRun(t *testing.T) {
	first := func(r *rig) error { return r.tryApply("p", text("a", "1"), secret("s", "new"), dir("d")) }
	undisturbed := newRig(t, nil)
	check(t, first(undisturbed))
	for n := 1; n <= undisturbed.Changes(); n++ {
		r := newRig(t, nil)
		r.StopAt(n)
		err := first(r)
		if !r.Fired() {
			t.Fatalf("stop %d never came", n)
		}
		r.Reset()
		if _, openErr := r.open(); openErr != nil {
			t.Errorf("stopped at %d (%v): %v", n, err, openErr)
		}
		check(t, first(r))
		if diff := cmp.Diff(undisturbed.Dump(Dir)+undisturbed.owners(), r.Dump(Dir)+r.owners()); diff != "" {
			t.Errorf("stopped at %d, then run again (-undisturbed +now):\n%s", n, diff)
		}
	}
}

// arrives runs again and compares with a machine that nothing befell.
func (r *rig) arrives(what, tree, ledger string) {
	r.t.Helper()
	if err := r.next(); err != nil {
		r.t.Errorf("%s: the next run: %v", what, err)
		return
	}
	if diff := cmp.Diff(tree, r.Dump(Dir)); diff != "" {
		r.t.Errorf("%s, then run again (-undisturbed +now):\n%s", what, diff)
	}
	if diff := cmp.Diff(sortedLines(ledger), sortedLines(r.ledger())); diff != "" {
		r.t.Errorf("%s: ledger (-undisturbed +now):\n%s", what, diff)
	}
	if run := r.mustOpen().Interrupted(); run != nil {
		r.t.Errorf("%s: run %d still has no end", what, run.ID)
	}
}

func sortedLines(s string) []string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return lines
}

// Each change fails once and the run goes on, or ends, as it sees fit.
func TestFailedAnywhere(t *testing.T) {
	ledgers, tree, steps := expected(t)
	original, faults := busy(t), []error{syscall.EIO, syscall.ENOSPC, syscall.EINTR}
	for n := 1; n <= steps; n++ {
		r, fault := original.again(), faults[n%len(faults)]
		r.FailAt(n, fault)
		err := r.next()
		if !r.Fired() {
			t.Fatalf("fault %d never came", n)
		}
		r.Reset()
		r.arrives(fmt.Sprintf("%v at %d (%v)", fault, n, err), tree, ledgers[len(ledgers)-1])
	}
}

// stopper stops the machine when the second change of the host after a Begin comes.
type stopper struct {
	engine.Recorder
	r *rig
}

func (s stopper) Begin(cs ...*engine.Change) error {
	err := s.Recorder.Begin(cs...)
	s.r.StopAt(2)
	return err
}

// A run that was cut short is reported, its temporary file goes, and its end is noted.
func TestRecovery(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/a": {Content: "old"}})
	r.watch = func(rec *Recording, inner engine.Recorder) engine.Recorder { return stopper{inner, r} }
	if err := r.tryApply("p", text("a", "new")); !errors.Is(err, hosttest.ErrStopped) {
		t.Fatal(err)
	}
	r.watch = nil
	r.Reset()
	if names, _ := r.View().Files.ReadDir("/etc"); len(names) != 2 {
		t.Fatalf("the machine did not stop with a temporary file there: %v", names)
	}
	rec, err := r.start()
	check(t, err)
	found := rec.Found()
	if found == nil || len(found.Unfinished()) != 1 || found.Unfinished()[0].Addr != "note.a" {
		t.Errorf("found %+v", found)
	}
	check(t, rec.Finish(Converged))
	if names, _ := r.View().Files.ReadDir("/etc"); len(names) != 1 {
		t.Errorf("there still is %v", names)
	}
	runs, err := r.mustOpen().History()
	if err != nil || len(runs) != 1 || runs[0].Result != Interrupted || runs[0].Cut != 1 {
		t.Errorf("history: %+v, %v", runs, err)
	}
	r.undo(0)
	if r.Get("/etc/a") != "old" || r.ledger() != "" {
		t.Errorf("undone: %q, ledger %q", r.Get("/etc/a"), r.ledger())
	}
}
