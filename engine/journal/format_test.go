package journal

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

var update = flag.Bool("update", false, "write the golden journal of the format that is written now")

// golden is a journal of each format that there was.
func golden(format int) string { return fmt.Sprintf("testdata/format%d", format) }

// goldenRig is a machine whose last run was cut short, with everything that a journal can hold.
func goldenRig(t *testing.T) *rig {
	r := busy(t)
	r.limit.tail = 100
	check(t, r.next())
	rec, err := r.start()
	check(t, err)
	check(t, rec.Begin(change(t, r, text("a", "never made"))))
	check(t, rec.Close())
	return r
}

// Every version reads what any earlier one wrote.
func TestGoldenJournal(t *testing.T) {
	if *update {
		r := goldenRig(t)
		check(t, os.RemoveAll(golden(Format)))
		check(t, os.CopyFS(golden(Format), os.DirFS(r.Path(Dir))))
	}
	for format := 1; format <= Format; format++ {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) { readsGolden(t, golden(format), *update && format == Format) })
	}
}

func readsGolden(t *testing.T, golden string, update bool) {
	r := newRig(t, nil)
	check(t, os.CopyFS(r.Path(Dir), os.DirFS(golden)))
	var got strings.Builder
	j := r.mustOpen()
	runs, err := j.History()
	check(t, err)
	for _, run := range runs {
		fmt.Fprintf(&got, "run %d: %s of %s by %s: %s, %+v, kept %t\n", run.ID, run.Verb, run.Plan, run.User, run.Result, run.Counts, run.Kept)
	}
	for _, c := range j.Interrupted().Unfinished() {
		fmt.Fprintf(&got, "cut short in: %s %s\n", c.Action, c.Addr)
	}
	fmt.Fprintln(&got, r.owners())
	past, err := j.Past(3)
	check(t, err)
	for _, p := range past {
		fmt.Fprintf(&got, "back: %s %v, ended %t, prior %t\n", p.Addr, p.Claims, p.Ended, p.Prior != nil)
		check(t, engine.Complete(p.Before))
	}
	want, err := os.ReadFile(golden + ".txt")
	if update {
		err = os.WriteFile(golden+".txt", []byte(got.String()), 0o644)
		want = []byte(got.String())
	}
	check(t, err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
	r.undo(0)
	if run := r.mustOpen().Interrupted(); run != nil {
		t.Errorf("run %d still has no end", run.ID)
	}
}

// A journal of a newer version stops this one before it changes anything.
func TestNewerFormat(t *testing.T) {
	for _, file := range []string{ledgerPath, runPath(4)} {
		r := goldenRig(t)
		body := r.Get(file)
		newer := strings.Replace(body, fmt.Sprintf(" %d\n", Format), fmt.Sprintf(" %d\n", Format+1), 1)
		r.Put(file, hosttest.File{Content: newer, Mode: 0o600})
		r.Reset()
		err := r.tryApply("p", text("a", "5"))
		if e, ok := errors.AsType[*NewerError](err); !ok || e.Found != Format+1 || e.Known != Format || e.Path != file {
			t.Errorf("%s: %v", file, err)
		}
		if r.Changes() != 0 {
			t.Errorf("%s: changed %v", file, r.Ops())
		}
	}
}

// Whatever the files hold: an error or a journal, never a panic, and nothing that grows beyond them.
func FuzzJournal(f *testing.F) {
	check(f, fs.WalkDir(os.DirFS(golden(Format)), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(name, "runs/") && name != "ledger" {
			return err
		}
		b, err := os.ReadFile(filepath.Join(golden(Format), name))
		f.Add(b)
		for line := range strings.Lines(string(b)) {
			if _, js, ok := strings.Cut(line, " {"); ok {
				f.Add([]byte("{" + js)) // without a checksum: see below
			}
		}
		return err
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		js := []byte(strings.ReplaceAll(string(b), "\n", " "))
		framed := fmt.Appendf([]byte(header(runMagic)), "%s", line(`{"run":{"id":1,"verb":"apply","began":"2026-01-02T03:04:05Z"}}`))
		framed = append(framed, line(string(js))...)
		for _, file := range [][]byte{b, framed} {
			recs, size, err := parseRun(runPath(1), file, true)
			if err != nil {
				continue
			}
			if size > int64(len(file)) || len(recs) > len(file) {
				t.Fatalf("%d records in %d of %d bytes", len(recs), size, len(file))
			}
			readAll(t, recs)
		}
		for _, text := range []string{string(b), header(ledgerMagic) + fmt.Sprintf("%08x %s", checksum(b), b)} {
			s := state{ledger: ledger{index: map[engine.Claim]int{}}}
			if s.parseSnapshot(text) == nil {
				lookAtAll(t, &s)
			}
		}
	})
}

func line(js string) []byte {
	return fmt.Appendf(nil, "%08x %d %s\n", checksum([]byte(js)), len(js), js)
}

func readAll(t *testing.T, recs []record) {
	if len(recs) == 0 {
		return
	}
	run, err := newRun(recs)
	if err != nil {
		return
	}
	s := state{ledger: ledger{index: map[engine.Claim]int{}}}
	for _, r := range recs {
		if err := s.ledger.apply(r.effect()); err != nil {
			return
		}
	}
	s.add(run, len(recs))
	lookAtAll(t, &s)
	again := state{ledger: ledger{index: map[engine.Claim]int{}}}
	if s.last > 0 {
		if err := again.parseSnapshot(s.snapshot(nil)); err != nil {
			t.Fatalf("cannot read its own snapshot: %v\n%s", err, s.snapshot(nil))
		}
	}
}

func lookAtAll(t *testing.T, s *state) {
	for claim := range s.ledger.index {
		if _, ok := s.ledger.head(claim); !ok {
			t.Fatalf("%q is indexed and not there", claim)
		}
		_, _ = s.ledger.entry(claim) // an error or an entry
	}
	s.ledger.owned("p")
	_, _ = s.history() // likewise
}
