package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// content is long enough to be kept in a file of its own.
func content(n int) string { return fmt.Sprintf("%s%d", long, n) }

func (r *rig) list(dir string) []string {
	r.t.Helper()
	names, err := r.View().Files.ReadDir(dir)
	check(r.t, err)
	return names
}

// Old runs go, all that the rest and the ledger refer to stays.
func TestOldRunsGo(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit limits
		runs  int
		kept  int
	}{
		{"by number", limits{runs: 3, bytes: 1 << 30, brief: 2, records: 1 << 20}, 8, 3},
		{"by size", limits{runs: 20, bytes: 3 * 5000, brief: 10, records: 1 << 20}, 8, 3},
		{"but the last", limits{runs: 20, bytes: 1, brief: 10, records: 1 << 20}, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, map[string]hosttest.File{"/etc/a": {Content: content(0)}})
			r.limit = tt.limit
			for n := range tt.runs {
				r.apply(text("a", content(n+1)))
			}
			if got := len(r.list(runsDir)); got != tt.kept {
				t.Errorf("%d runs are kept: %v", got, r.list(runsDir))
			}
			// The contents before each kept run, and that before the first run of all.
			if got, want := len(r.list(blobsDir)), tt.kept+1; got > want+1 || got < want {
				t.Errorf("%d contents are kept, want %d", got, want)
			}
			j := r.mustOpen()
			runs, err := j.History()
			check(t, err)
			if want := min(tt.runs, tt.limit.runs+tt.limit.brief); len(runs) != want {
				t.Errorf("history has %d runs, want %d", len(runs), want)
			}
			for _, run := range runs {
				past, err := j.Past(run.ID)
				_, gone := errors.AsType[*GoneError](err)
				if run.Kept == gone || !gone && (err != nil || engine.Complete(past[0].Before) != nil) {
					t.Errorf("run %d, kept %t: %v", run.ID, run.Kept, err)
				}
			}
			r.apply() // drops it: back to what was there before the first run
			if got := r.Get("/etc/a"); got != content(0) {
				t.Errorf("what was there first is lost: %d bytes", len(got))
			}
		})
	}
}

// The snapshot is the same ledger as the files that it stands for.
func TestFoldingChangesNothing(t *testing.T) {
	r := busy(t)
	r.limit.tail, r.limit.runs = 100, 10
	check(t, r.next())
	before, entries, history := r.owners(), r.ledger(), r.history()
	r.limit.tail = 0
	rec, err := r.start() // there is too much to read, so it folds
	check(t, err)
	check(t, rec.Finish(Converged))
	if diff := cmp.Diff(before+entries+history, r.owners()+r.ledger()+r.history()); diff != "" {
		t.Error(diff)
	}
	if j := r.mustOpen(); j.state.folded != 4 || j.state.records != 0 {
		t.Errorf("not folded: %d, %d records", j.state.folded, j.state.records)
	}
}

func (r *rig) history() string {
	r.t.Helper()
	runs, err := r.mustOpen().History()
	check(r.t, err)
	return fmt.Sprint(runs)
}

// What cannot be tidied up is no failure of the run, and goes at the next.
func TestTidyErrorIsNotTheRun(t *testing.T) {
	r := newRig(t, nil)
	r.limit.tail = 0
	rec, err := r.start()
	check(t, err)
	c := change(t, r, text("a", "1"))
	check(t, rec.Begin(c))
	check(t, rec.End(c, nil))
	r.Put(ledgerPath+"/in the way", hosttest.File{})
	err = rec.Finish(Converged)
	if _, ok := errors.AsType[*TidyError](err); !ok {
		t.Errorf("%v", err)
	}
	if _, err := r.open(); err == nil {
		t.Error("a folder in the ledger's place is read as a ledger")
	}
	r.Delete(ledgerPath)
	r.apply(text("a", "2"))
	runs, err := r.mustOpen().History()
	if err != nil || len(runs) != 2 || runs[0].Result != Converged {
		t.Errorf("history %+v, %v", runs, err)
	}
}

// Any sequence of entries and releases reads back from a snapshot as it is in memory, and no thing
// is ever claimed by two.
func TestLedgerReadsBack(t *testing.T) {
	claims := []engine.Claim{"path:/a b", "path:/c%20", "user:x\ty", "path:/é", "unit:n\nl", "path:/plain"}
	rapid.Check(t, func(t *rapid.T) {
		l := ledger{index: map[engine.Claim]int{}}
		for n := range rapid.IntRange(0, 12).Draw(t, "steps") {
			owned := rapid.SliceOfNDistinct(rapid.SampledFrom(claims), 1, 3, rapid.ID).Draw(t, "claims")
			if rapid.Bool().Draw(t, "release") {
				l.release(owned[0])
				continue
			}
			head := engine.Head{Plan: "p\t%", Addr: engine.Addr(fmt.Sprint("x ", n)), Kind: "k\n", Keep: n%2 == 0, Absent: n%3 == 0}
			if err := l.set(&kept{Entry: engine.Entry{Head: head, Claims: owned}}); err != nil {
				t.Fatal(err)
			}
			for _, c := range owned {
				if got, ok := l.head(c); !ok || got != head {
					t.Fatalf("%q is of %+v, want %+v", c, got, head)
				}
			}
		}
		s, again := state{ledger: l, last: 1}, state{}
		if err := again.parseSnapshot(s.snapshot(nil)); err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			was, held := l.head(c)
			if is, ok := again.ledger.head(c); ok != held || is != was {
				t.Fatalf("%q was of %+v and reads back as of %+v", c, was, is)
			}
		}
		if !slices.Equal(l.owned("p\t%"), again.ledger.owned("p\t%")) {
			t.Fatalf("%q are owned, %q read back", l.owned("p\t%"), again.ledger.owned("p\t%"))
		}
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&DamagedError{Path: "/x", Offset: 7, What: "w"}, "/x, at byte 7: w. Bring"},
		{&NewerError{Path: "/x", Found: 3, Known: 1}, "use the version that wrote it"},
		{&LockedError{Holder: "pid 1, apply, since now"}, "(pid 1, apply, since now): wait"},
		{&GoneError{Run: 3}, "there is no run 3: history lists those that there are"},
		{&GoneError{Run: 3, Known: true}, "run 3 are no longer kept"},
	} {
		if !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%q does not say %q", tt.err, tt.want)
		}
	}
}
