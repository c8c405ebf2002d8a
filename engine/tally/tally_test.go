package tally_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/tally"
)

// bench is a host whose clock the test sets.
type bench struct {
	*testing.T
	m   *hosttest.Machine
	now time.Time
}

func newBench(t *testing.T) *bench {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/var/lib/agent0-converge": {Dir: true, Mode: 0o700}}})
	return &bench{t, m, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
}

// drifts is one more run that finds /x drifted: it corrects that, unless it is contested.
func (b *bench) drifts(attributes ...string) (contested bool) {
	b.Helper()
	t, err := tally.Read(b.m.View().Files)
	if err != nil {
		b.Fatal(err)
	}
	contested = t.Fought("plan", "path:/x", 3, b.now)
	if !contested {
		t.Count("plan", "file.x", "path:/x", attributes, b.now)
	}
	if err := t.Store(b.m.Host().Files, b.now); err != nil {
		b.Fatal(err)
	}
	return contested
}

func TestContested(t *testing.T) {
	type step struct {
		after     time.Duration // since the last
		attribute string
		contested bool
	}
	for name, steps := range map[string][]step{
		"the fourth time in a day":                 {{0, "a", false}, {time.Hour, "a", false}, {time.Hour, "a", false}, {time.Hour, "a", true}},
		"a thing that is gone":                     {{0, "", false}, {1, "", false}, {1, "", false}, {1, "", true}},
		"slower than that":                         {{0, "a", false}, {13 * time.Hour, "a", false}, {13 * time.Hour, "a", false}, {13 * time.Hour, "a", false}, {13 * time.Hour, "a", false}},
		"several attributes":                       {{0, "a", false}, {1, "b", false}, {1, "c", false}, {1, "a", false}, {1, "b", false}, {1, "a", false}, {1, "b", true}},
		"for good":                                 {{0, "a", false}, {1, "a", false}, {1, "a", false}, {1, "a", true}, {100 * time.Hour, "a", true}},
		"the clock goes back a day":                {{0, "a", false}, {1, "a", false}, {-24 * time.Hour, "a", false}, {1, "a", false}, {1, "a", false}, {1, "a", true}},
		"the clock was years ahead":                {{30000 * time.Hour, "a", false}, {1, "a", false}, {-30000 * time.Hour, "a", false}, {1, "a", false}, {1, "a", false}, {1, "a", true}},
		"no clock before the third":                {{-400000 * time.Hour, "a", false}, {1, "a", false}, {400000 * time.Hour, "a", false}, {1, "a", false}, {1, "a", false}, {1, "a", true}},
		"contested stays, whatever the clock says": {{0, "a", false}, {1, "a", false}, {1, "a", false}, {1, "a", true}, {-1000 * time.Hour, "a", true}, {5000 * time.Hour, "a", true}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for i, s := range steps {
				b.now = b.now.Add(s.after)
				var attributes []string
				if s.attribute != "" {
					attributes = []string{s.attribute}
				}
				if got := b.drifts(attributes...); got != s.contested {
					t.Fatalf("step %d: contested = %t\n%s", i, got, b.m.Get(tally.File))
				}
			}
		})
	}
}

func TestReset(t *testing.T) {
	b := newBench(t)
	for range 4 {
		b.drifts("a", "b")
	}
	counts, err := tally.Read(b.m.View().Files)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(len(counts.Contested("plan")), len(counts.Contested("other"))); got != "2 0" {
		t.Errorf("contested: %s", got)
	}
	b.m.Reset()
	counts.Reset("other", []engine.Claim{"path:/x"})
	counts.Reset("plan", []engine.Claim{"path:/y"})
	if err := counts.Store(b.m.Host().Files, b.now); err != nil || b.m.Changes() > 0 {
		t.Errorf("nothing was forgotten, and it wrote %v, %v", b.m.Ops(), err)
	}
	counts.Reset("plan", []engine.Claim{"path:/x"})
	if err := counts.Store(b.m.Host().Files, b.now); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if b.drifts("a", "b") {
			t.Errorf("contested again after %d", i)
		}
	}
}

// What no longer counts is not kept.
func TestForgetsOldOnes(t *testing.T) {
	b := newBench(t)
	for range 100 {
		b.now = b.now.Add(20 * time.Hour)
		b.drifts("a")
	}
	if s := b.m.Get(tally.File); strings.Count(s, "2026") != 2 {
		t.Errorf("it keeps\n%s", s)
	}
	if info, err := b.m.View().Files.Lstat(tally.File); err != nil || info.Mode != 0o600 {
		t.Errorf("mode %o, %v", info.Mode, err)
	}
}

func TestUnreadable(t *testing.T) {
	b := newBench(t)
	for _, content := range []string{"", "{", `{"format":9}`, "null"} {
		b.m.Put(tally.File, hosttest.File{Content: content})
		if _, err := tally.Read(b.m.View().Files); err == nil {
			t.Errorf("%q is taken for a tally", content)
		}
	}
}
