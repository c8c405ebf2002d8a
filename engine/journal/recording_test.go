package journal

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// What the caller does not say of a run is found out; secrets in its arguments are not shown.
func TestARunSaysWhoAndWhere(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{
		"/proc/sys/kernel/random/boot_id": {Content: "boot-1\n"}, "/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\n"},
	})
	for _, tt := range []struct{ sudo, want string }{{"alice", "alice"}, {"", "root"}} {
		t.Setenv("SUDO_USER", tt.sudo)
		if tt.sudo == "" && os.Getuid() != 0 {
			t.Skip("only root is root")
		}
		args := []string{"--var", "x=hunter2-value"}
		rec, err := r.mustOpen().Start(t.Context(), r.Host(), Info{Verb: "apply", Args: args}, r.options)
		check(t, err)
		r.run = rec
		if rec.ID() != 0 {
			t.Errorf("a run that has recorded nothing is run %d", rec.ID())
		}
		c := change(t, r, secret(tt.want, "hunter2-value"))
		check(t, errors.Join(rec.Begin(c), rec.End(c, nil)))
		id := rec.ID()
		check(t, rec.Finish(Converged))
		run, err := r.mustOpen().Show(id)
		check(t, err)
		if run.User != tt.want || run.PID != os.Getpid() || run.Boot != "boot-1" || run.Began.IsZero() || run.Ended.IsZero() {
			t.Errorf("%+v", run.Info)
		}
		if got := strings.Join(run.Args, " "); got != "--var x=(secret)" || args[1] != "x=hunter2-value" {
			t.Errorf("arguments %q of %q", got, args)
		}
	}
}

// A change whose beginning cannot be recorded is not begun: nothing says that it was, and the run
// can still say how it ended.
func TestBeginThatFails(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		r := newRig(t, map[string]hosttest.File{"/etc/long": {Content: long}})
		r.apply(text("a", "1"))
		before := r.ledger()
		rec, err := r.start()
		check(t, err)
		a, b := change(t, r, text("long", "x")), change(t, r, text("b", "x"))
		r.FailAt(1, fault)
		if err := rec.Begin(a); !errors.Is(err, fault) {
			t.Errorf("begin: %v", err)
		}
		if err := rec.End(a, nil); err == nil {
			t.Error("a change that was not begun has an end")
		}
		if diff := cmp.Diff(before, r.ledger()); diff != "" {
			t.Error(diff)
		}
		r.Reset()
		check(t, errors.Join(rec.Begin(b), rec.End(b, nil), rec.Finish(Failed)))
		run, err := r.mustOpen().Show(2)
		if err != nil || len(run.Changes) != 1 || run.Changes[0].Addr != "note.b" || run.Result != Failed {
			t.Errorf("%+v, %v", run, err)
		}
	}
}

// After a sync that failed nobody knows what the file holds, so nothing more is said in it.
func TestSyncThatFails(t *testing.T) {
	r := newRig(t, nil)
	r.apply(text("a", "1"))
	rec, err := r.start()
	check(t, err)
	a, b := change(t, r, text("b", "1")), change(t, r, text("c", "1"))
	check(t, errors.Join(rec.Begin(a), rec.End(a, nil)))
	r.FailAt(2, syscall.EIO) // a write, then the sync
	if err := rec.Begin(b); !errors.Is(err, syscall.EIO) || r.Ops()[1].Name != "fsync" {
		t.Fatalf("%v after %v", err, r.Ops())
	}
	r.Reset()
	if err := rec.Begin(b); err == nil {
		t.Error("the run goes on")
	}
	if err := rec.Finish(Failed); err == nil {
		t.Error("the end is recorded")
	}
	if run := r.mustOpen().Interrupted(); run == nil || run.ID != 2 {
		t.Errorf("the run without an end is %+v", run)
	}
	r.apply(text("a", "1"), text("b", "1"), text("c", "1"))
}

// Call cannot return an error; it is not lost.
func TestCallThatFails(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	a := change(t, r, text("a", "1"))
	check(t, errors.Join(rec.Begin(a), rec.End(a, nil)))
	r.FailAt(1, syscall.ENOSPC)
	rec.Call(host.Call{Argv: []string{"touch", "x"}})
	if err := rec.Begin(change(t, r, text("b", "1"))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the next change: %v", err)
	}
	r.Reset()
	if err := rec.Finish(Converged); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the end: %v", err)
	}
}

// What programs print is kept in part, and a program outside of any change too.
func TestCallsAreShortened(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	rec.Call(host.Call{Argv: []string{"x", strings.Repeat("a", longArg+9)}, Exit: 3, Output: strings.Repeat("é", longOutput) + "end"})
	check(t, rec.Finish(Failed))
	run, err := r.mustOpen().Show(1)
	check(t, err)
	call := run.Calls[0]
	if call.Exit != 3 || len(call.Argv[1]) != longArg+len("…") || len(call.Output) > longOutput+len("…") || !strings.HasSuffix(call.Output, "éend") {
		t.Errorf("%d bytes of argument, %d of output: %+v", len(call.Argv[1]), len(call.Output), call.Exit)
	}
}

// A temporary file that cannot be removed is reported and stops nobody.
func TestRecoveryThatCannotCleanUp(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	d := text("a", "1")
	d.Spec.(*note).Path = "/etc/file/a"
	check(t, errors.Join(rec.Begin(change(t, r, d)), rec.Close()))
	r.Put("/etc/file", hosttest.File{Content: "no folder"})
	var log strings.Builder
	h := *r.Host()
	h.Log = slog.New(slog.NewTextHandler(io.Writer(&log), nil))
	rec, err = r.mustOpen().Start(t.Context(), &h, Info{Verb: "apply"}, r.options)
	check(t, err)
	check(t, rec.Finish(Converged))
	if !strings.Contains(log.String(), "resource=note.a") {
		t.Errorf("the log says %q", log.String())
	}
}

// What a program was to look at may be secret: it does not outlive the run that follows a crash.
func TestRecoveryRemovesWhatWasBeingChecked(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	check(t, errors.Join(rec.Begin(change(t, r, text("a", "1"))), rec.Close()))
	r.Put(engine.CheckDir+"/0123/a", hosttest.File{Content: "secret", Mode: 0o600})
	r.Put(engine.CheckDir+"/4567/.b.tmp", hosttest.File{Content: "secret", Mode: 0o600})
	rec, err = r.start()
	check(t, err)
	check(t, rec.Close())
	for name := range r.Snapshot() {
		if strings.HasPrefix(name, engine.CheckDir+"/") {
			t.Errorf("%s is still there", name)
		}
	}
}

// What a run that was cut short has published is made durable before the next run relies on it.
func TestRecoverySyncsWhatWasPublished(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	d := text("a", "1")
	check(t, errors.Join(rec.Begin(change(t, r, d)), rec.Close()))
	name := d.Spec.(*note).Path
	r.Put(name, hosttest.File{Content: "1"})
	r.Reset()
	rec, err = r.start()
	check(t, err)
	check(t, rec.Close())
	for _, want := range []host.Op{{Name: "fsync", Path: name}, {Name: "fsyncdir", Path: path.Dir(name)}} {
		if !slices.Contains(r.Ops(), want) {
			t.Errorf("there is no %q among %q", want, r.Ops())
		}
	}
}

// One plan's folder is another's to use and to take over; neither removes what the other needs.
func TestTwoPlans(t *testing.T) {
	r := newRig(t, nil)
	below := func(name string) engine.Declared {
		return declare("note", name, &note{Path: "/etc/d/" + name, Content: engine.NewText(name), Parent: true})
	}
	check(t, r.tryApply("one", below("a")))
	check(t, r.tryApply("two", below("b")))
	if got := r.mustOpen().Plans(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("plans %q", got)
	}
	if err := r.tryApply("two", text("d/a", "mine")); err == nil || !strings.Contains(err.Error(), `plan "one"`) {
		t.Errorf("a thing of another plan is taken: %v", err)
	}
	check(t, r.tryApply("one")) // its folder holds another plan's file
	if r.Get("/etc/d/b") != "b" {
		t.Error("the other plan's file is gone")
	}
	check(t, r.tryApply("two", below("b"), dir("d")))
	want := "path:/etc/d/b two/note.b was nothing\npath:/etc/d two/folder.d was folder"
	if got := r.owners(); got != want {
		t.Errorf("ledger:\n%s\nwant:\n%s", got, want)
	}
}

// Readers need no lock: whatever a run does meanwhile, they find the state before or after it.
func TestReadingWhileRunsTidyUp(t *testing.T) {
	r := newRig(t, nil)
	r.limit = limits{runs: 1, bytes: 1 << 20, brief: 1, records: 1}
	r.apply(text("a", "0"))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if j, err := r.open(); err != nil {
					t.Errorf("a reader: %v", err)
					return
				} else if _, ok := j.Lookup("path:/etc/a"); !ok {
					t.Error("a reader finds no entry")
					return
				}
			}
		})
	}
	for n := range 100 {
		r.apply(text("a", strings.Repeat("x", n+1)))
	}
	close(done)
	readers.Wait()
}

// Planning asks from several goroutines while the run records.
func TestLedgerIsSafeForGoroutines(t *testing.T) {
	r := newRig(t, nil)
	rec, err := r.start()
	check(t, err)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 200 {
				rec.Lookup("path:/etc/a")
				_, _ = rec.Entry("path:/etc/a") // there or not
				rec.Owned("p")
				if _, err := rec.Ref(*engine.NewSecret("s")); err != nil {
					t.Error(err)
				}
				if _, _, err := rec.Fetch(plainRef + strings.Repeat("0", 64)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		c := change(t, r, text("a", "1"))
		check(t, errors.Join(rec.Begin(c), rec.End(c, nil)))
	}
	readers.Wait()
	check(t, rec.Finish(Converged))
}
