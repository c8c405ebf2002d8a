package crash

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

func recorded(t *testing.T, dir, name, flaw string) *Model {
	t.Helper()
	m, err := Record(t.Context(), dir, program(name, dir, flaw))
	if errors.Is(err, trace.ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// judge finds what is wrong with a tree that replaceAll was interrupted in: each file must be
// old or new, whole, with its mode, and one that is new has its record in the journal.
func judge(t *Tree) error {
	log, _, err := t.ReadFile(journal)
	if err != nil {
		return err
	}
	for i := range files {
		data, mode, err := t.ReadFile(name(i))
		if err != nil {
			return err
		}
		state := fmt.Sprintf("%q %o", data, mode)
		switch state {
		case fmt.Sprintf("%q %o", content("old", i), 0o600):
		case fmt.Sprintf("%q %o", content("new", i), 0o644):
			if !strings.Contains(string(log), record(i)) {
				return fmt.Errorf("%s is new without a record: %q", name(i), log)
			}
		default:
			return fmt.Errorf("%s is broken: %s", name(i), state)
		}
	}
	return nil
}

// verdicts judges up to most states, all distinct.
func verdicts(t *testing.T, m *Model, most int, also func(State)) (states int, broken []string) {
	t.Helper()
	for st := range m.States(7, most) {
		states++
		if err := judge(st.Tree()); err != nil {
			broken = append(broken, fmt.Sprintf("%s: %v", st, err))
		}
		also(st)
	}
	return states, broken
}

// onDisk writes a state to disk, where it must be a tree of its own and as told.
func onDisk(t *testing.T, dir string, seen map[Digest]bool, st State) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := st.Materialize(dir); err != nil {
		t.Fatalf("%s: %v", st, err)
	}
	back, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if lines := st.Tree().Diff(back); len(lines) > 0 || seen[back.Digest()] {
		t.Errorf("%s: want a tree of its own and as told, got %q", st, lines)
	}
	seen[back.Digest()] = true
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

func TestDurableReplacementIsNeverBroken(t *testing.T) {
	dir := prepare(t)
	m := recorded(t, dir, "replace", "")
	if err := judge(m.Final()); err != nil {
		t.Fatal(err)
	}
	scratch, seen := filepath.Join(t.TempDir(), "state"), map[Digest]bool{}
	states, broken := verdicts(t, m, 600, func(st State) { onDisk(t, scratch, seen, st) })
	if states < 600 {
		t.Errorf("want 600 trees, got %d", states)
	}
	if len(broken) > 0 {
		t.Errorf("%d of %d states are broken; the first: %s", len(broken), states, broken[0])
	}
}

func TestFlawsAreShown(t *testing.T) {
	for flaw, want := range map[string]string{
		"no fsync":        "is broken: \"\\x00",
		"no journal sync": "is new without a record",
	} {
		t.Run(flaw, func(t *testing.T) {
			states, broken := verdicts(t, recorded(t, prepare(t), "replace", flaw), 300, func(State) {})
			if !strings.Contains(strings.Join(broken, "\n"), want) {
				t.Errorf("want a state that %s, got %d broken of %d: %.500q", want, len(broken), states, broken)
			}
		})
	}
}

func TestWithoutDirectoryFsyncNothingIsPromised(t *testing.T) {
	m := recorded(t, prepare(t), "replace", "no directory fsync")
	end := m.points[len(m.points)-1]
	for st := range m.States(1, 0) {
		b, _, err := st.Tree().ReadFile(name(files - 1))
		if err == nil && st.After == end && string(b) == content("old", files-1) {
			return
		}
	}
	t.Error("want a state after the end in which the last file is still the old one")
}

func TestEveryCallIsUnderstood(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("changing owners needs root")
	}
	m := recorded(t, prepare(t), "every", "")
	scratch, seen, states := filepath.Join(t.TempDir(), "state"), map[Digest]bool{}, 0
	for st := range m.States(3, 200) {
		onDisk(t, scratch, seen, st)
		states++
	}
	if states != 200 {
		t.Errorf("want 200 states, got %d", states)
	}
}

func TestHardLinksStayLinked(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "a"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(src, "a"), filepath.Join(src, "b")); err != nil {
		t.Fatal(err)
	}
	tree, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Materialize(dst); err != nil {
		t.Fatal(err)
	}
	a, errA := os.Stat(filepath.Join(dst, "a"))
	b, errB := os.Stat(filepath.Join(dst, "b"))
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Errorf("want one file with two names, got %v, %v", errA, errB)
	}
	if err := tree.Materialize(dst); err == nil {
		t.Error("want a directory that is not empty refused")
	}
}

func TestUnseenChangesAreRefused(t *testing.T) {
	dir := prepare(t)
	_, err := Record(t.Context(), dir, program("map", dir, ""))
	if errors.Is(err, trace.ErrNotPermitted) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "unseen") {
		t.Errorf("want a mapped file refused, got %v", err)
	}
	m := recorded(t, dir, "replace", "")
	if err := os.WriteFile(filepath.Join(dir, name(3)), []byte("tampered"), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Explain(after); err == nil || !strings.Contains(err.Error(), name(3)) {
		t.Errorf("want the tampered file named, got %v", err)
	}
}
