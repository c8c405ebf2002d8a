package journal

import (
	"bytes"
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

func (s *states) Begin(c *engine.Change) error             { return s.note(s.Recorder.Begin(c)) }
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

// A run's file may end anywhere: what is left of it is one of the states that it went through, and
// the next run goes on from there.
func TestTornAnywhere(t *testing.T) {
	ledgers, _, _ := expected(t)
	r := busy(t)
	r.limit.tail = 100 // keeps the file from being folded
	check(t, r.next())
	name, whole := r.Path(runPath(4)), []byte(r.Get(runPath(4)))
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n')
	for size := len(whole) - 1; size >= 0; size-- {
		if size < last && size%11 != 0 {
			continue // every offset in the last record, some before
		}
		for _, end := range []string{"", "\x00\x00\x00", "4c"} {
			check(t, os.WriteFile(name, append(slices.Clone(whole[:size]), end...), 0o600))
			j, err := r.open()
			if err != nil {
				t.Fatalf("cut at %d of %d with %q: %v", size, len(whole), end, err)
			}
			if got := entries(j); !slices.Contains(ledgers, got) {
				t.Fatalf("cut at %d of %d: the ledger is as it never was:\n%s", size, len(whole), got)
			}
		}
		if size%20 == 0 {
			r.goesOn(size)
		}
	}
}

// goesOn runs once more after the file of run 4 was cut short, and forgets that run again.
func (r *rig) goesOn(size int) {
	r.t.Helper()
	r.apply(text("a", fmt.Sprint("after ", size)))
	j := r.mustOpen()
	runs, err := j.History()
	check(r.t, err)
	end := runs[len(runs)-1]
	if j.Interrupted() != nil || end.Result != Converged || end.ID == 5 && runs[3].Result == "" {
		r.t.Errorf("cut at %d, then run again: %+v", size, runs)
	}
	r.Delete(runPath(5))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// One wrong bit is found wherever it is, and said where.
func TestDamageIsFound(t *testing.T) {
	r := busy(t)
	r.limit.tail = 100
	check(t, r.next())
	r.apply(text("a", "5"))
	for _, tt := range []struct {
		file string
		last bool
	}{{runPath(4), false}, {runPath(5), true}, {ledgerPath, false}} {
		whole := []byte(r.Get(tt.file))
		lastLine := int64(strings.LastIndex(strings.TrimSuffix(string(whole), "\n"), "\n") + 1)
		for i := range whole {
			if i%3 != 0 && whole[i] != '\n' && whole[i] != ' ' {
				continue
			}
			flipped := slices.Clone(whole)
			flipped[i] ^= 1
			check(t, os.WriteFile(r.Path(tt.file), flipped, 0o600))
			_, err := r.open()
			damage, ok := errors.AsType[*DamagedError](err)
			_, newer := errors.AsType[*NewerError](err)
			switch {
			case newer && i < maxHeader:
			case tt.last && err == nil && int64(i) >= lastLine:
			case !ok || damage.Path != tt.file || damage.Offset > int64(i):
				t.Errorf("%s, byte %d: %v", tt.file, i, err)
			case tt.file != ledgerPath && strings.Contains(string(whole[damage.Offset:i]), "\n") && whole[i] != '\n':
				t.Errorf("%s, byte %d: the damage is said to be at %d, records before", tt.file, i, damage.Offset)
			}
		}
		check(t, os.WriteFile(r.Path(tt.file), whole, 0o600))
	}
}

// stopper stops the machine when the second change of the host after a Begin comes.
type stopper struct {
	engine.Recorder
	r *rig
}

func (s stopper) Begin(c *engine.Change) error {
	err := s.Recorder.Begin(c)
	s.r.StopAt(2)
	return err
}

func TestMissingRunIsDamage(t *testing.T) {
	r := newRig(t, nil)
	for _, s := range []string{"1", "2", "3"} {
		r.apply(text("a", s))
	}
	r.Delete(runPath(2))
	_, err := r.open()
	if damage, ok := errors.AsType[*DamagedError](err); !ok || damage.Path != runPath(2) {
		t.Errorf("%v", err)
	}
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
