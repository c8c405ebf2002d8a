package crash

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

func TestStatesAreTheSameForASeed(t *testing.T) {
	s := &script{}
	for i := range 6 {
		name := fmt.Sprintf("/d%d/f", i)
		s.create(name, trace.Node(i+1))
		s.write(name, 0, "content")
	}
	list := func(states func(*Model) iter.Seq[State]) (out []string) {
		base := map[string]*node{}
		for i := range 9 {
			base[fmt.Sprint("d", i)] = dir(nil)
		}
		m, err := Replay(&Tree{root: dir(base)}, "/r", s.events)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[Digest]bool{}
		for st := range states(m) {
			out, seen[st.Tree().Digest()] = append(out, st.String()), true
		}
		if len(seen) != len(out) {
			t.Errorf("%d of %d states are distinct", len(seen), len(out))
		}
		return out
	}
	for name, states := range map[string]func(*Model, uint64, int) iter.Seq[State]{"listed": (*Model).States, "drawn": (*Model).Drawn} {
		of := func(seed uint64) []string {
			return list(func(m *Model) iter.Seq[State] { return states(m, seed, 300) })
		}
		a, b, c := of(1), of(1), of(2)
		if len(a) != 300 || !slices.Equal(a, b) {
			t.Errorf("%s: want the same 300 states, got %d and %d", name, len(a), len(b))
		}
		if slices.Equal(a, c) {
			t.Errorf("%s: want other states of another seed", name)
		}
	}
}

func TestOrderedStatesOnly(t *testing.T) {
	s := &script{}
	s.create("/c/a", 1)
	s.create("/d/b", 2)
	m, err := Replay(&Tree{root: dir(map[string]*node{"c": dir(nil), "d": dir(nil)})}, "/r", s.events)
	if err != nil {
		t.Fatal(err)
	}
	m.Ordered = true
	n := 0
	for st := range m.States(1, 100) {
		n++
		if st.Reordered {
			t.Errorf("want no %s", st)
		}
	}
	if n != 3 {
		t.Errorf("want 3 states, got %d", n)
	}
}

func TestStateSaysWhatWasLost(t *testing.T) {
	s := &script{}
	s.create("/t", 1)
	s.write("/t", 0, "new!")
	s.rename("/t", "/a")
	s.fsync("")
	m, err := Replay(&Tree{root: dir(nil)}, "/r", s.events)
	if err != nil {
		t.Fatal(err)
	}
	want := "power cut after 4 fsync /r, lost: zeros at 0 of 4 bytes 2 write /t"
	for st := range m.States(1, 0) {
		if text(st.Tree()) == "a=0000" && st.After == 4 && st.String() == want {
			return
		}
	}
	t.Errorf("want a state that says %q", want)
}

func TestDiff(t *testing.T) {
	a := &Tree{root: dir(map[string]*node{"same": file("x"), "gone": file(""), "d": dir(map[string]*node{"f": file("old")})})}
	b := &Tree{root: dir(map[string]*node{"same": file("x"), "new": file(""), "d": dir(map[string]*node{"f": file("new")})})}
	got := a.Diff(b)
	want := []string{`/d/f: content "old", now "new"`, "/gone: gone", "/new: new"}
	if !slices.Equal(got, want) || len(a.Diff(a)) != 0 {
		t.Errorf("want %q, got %q", want, got)
	}
}
