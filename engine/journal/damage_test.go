package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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
		durable := provenDurable(t, whole)
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
			case tt.last && err == nil && int64(i) >= durable:
			case !ok || damage.Path != tt.file || damage.Offset > int64(i):
				t.Errorf("%s, byte %d: %v", tt.file, i, err)
			case tt.file != ledgerPath && strings.Contains(string(whole[damage.Offset:i]), "\n") && whole[i] != '\n':
				t.Errorf("%s, byte %d: the damage is said to be at %d, records before", tt.file, i, damage.Offset)
			}
		}
		check(t, os.WriteFile(r.Path(tt.file), whole, 0o600))
	}
}

// provenDurable is how much of a run's file was durable when something more was written to it.
func provenDurable(t *testing.T, b []byte) (most int64) {
	for _, m := range regexp.MustCompile(`"synced":(\d+)`).FindAllSubmatch(b, -1) {
		n, err := strconv.ParseInt(string(m[1]), 10, 64)
		check(t, err)
		most = max(most, n)
	}
	return most
}

// What was written after the last sync may be lost in any order: whatever is left of it, the run
// was cut short, and what was durable before is there.
func TestHolesInTheTail(t *testing.T) {
	ledgers, _, _ := expected(t)
	r := busy(t)
	r.limit.tail = 100
	check(t, r.next())
	name, whole := r.Path(runPath(4)), []byte(r.Get(runPath(4)))
	durable := provenDurable(t, whole)
	lines, holes := bytes.SplitAfter(whole[durable:], []byte("\n")), 0
	for i := range lines[:len(lines)-1] {
		holed := slices.Clone(whole[:durable])
		for j, line := range lines {
			if j == i {
				line = make([]byte, len(line)) // as a page that was never written reads
			}
			holed = append(holed, line...)
		}
		holes++
		check(t, os.WriteFile(name, holed, 0o600))
		j, err := r.open()
		if err != nil {
			t.Fatalf("line %d after byte %d is lost: %v", i, durable, err)
		}
		if got := entries(j); !slices.Contains(ledgers, got) {
			t.Fatalf("line %d is lost: the ledger is as it never was:\n%s", i, got)
		}
	}
	if t.Logf("%d holes", holes); holes < 2 {
		t.Errorf("%d holes are too few", holes)
	}
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
