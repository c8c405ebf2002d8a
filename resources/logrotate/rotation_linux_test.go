package logrotate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
)

func ptr[T any](v T) *T { return &v }

// simulated is a rule, how a log grows each day and what is to be made of it.
type simulated struct {
	name string
	spec Spec
	// size is how long a day's log is.
	size int
	// still says that nothing is to be rotated.
	still bool
	// last is when the run before was; nil is one period ago.
	last func(now time.Time) time.Time
	// uid and gid own the folder of the logs and the log.
	uid, gid int
}

func justNow(now time.Time) time.Time { return now }

// nobody and nogroup of Debian, and the group of Fedora by its number.
const nobody = 65534

func (c simulated) before(now time.Time) time.Time {
	if c.last != nil {
		return c.last(now)
	}
	switch c.spec.Every {
	case "hourly":
		return now.Add(-time.Hour)
	case "weekly":
		return now.AddDate(0, 0, -7)
	case "monthly":
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location()).AddDate(0, 0, -1)
	case "yearly":
		return now.AddDate(-1, 0, 0)
	}
	return now.AddDate(0, 0, -1)
}

// simulations are rules that say one thing each.
func simulations() []simulated {
	log := []string{"DIR/a.log"}
	with := func(name string, s Spec) simulated {
		if s.Paths == nil {
			s.Paths = log
		}
		if s.Keep == nil {
			s.Keep = ptr(3)
		}
		if s.Every == "" && s.Size == "" {
			s.Every = "daily"
		}
		return simulated{name: name, spec: s, size: 100}
	}
	large := func(c simulated) simulated { c.size = 5000; return c }
	still := func(c simulated) simulated { c.still = true; return c }
	again := func(c simulated) simulated { c.last = justNow; return c }
	theirs := func(c simulated) simulated { c.uid, c.gid = nobody, nobody; return c }
	return []simulated{
		with("daily", Spec{}),
		with("hourly", Spec{Every: "hourly"}),
		with("weekly", Spec{Every: "weekly"}),
		with("monthly", Spec{Every: "monthly"}),
		with("yearly", Spec{Every: "yearly"}),
		still(again(with("daily, and it was today", Spec{}))),
		still(again(with("hourly, and it was this hour", Spec{Every: "hourly"}))),
		large(again(with("size reached", Spec{Size: "4KiB"}))),
		still(with("size not reached", Spec{Size: "4k"})),
		large(with("minsize reached", Spec{MinSize: "4k"})),
		still(with("minsize not reached", Spec{MinSize: "4k"})),
		large(again(with("maxsize reached before its time", Spec{Every: "yearly", MaxSize: "4k"}))),
		still(again(with("maxsize not reached", Spec{Every: "yearly", MaxSize: "4k"}))),
		with("maxsize not reached, and it is time", Spec{MaxSize: "1G"}),
		with("keep none", Spec{Keep: ptr(0)}),
		with("keep one", Spec{Keep: ptr(1)}),
		with("keep all", Spec{Keep: ptr(-1)}),
		with("compress, later as it is by itself", Spec{Compress: ptr(true)}),
		with("compress at once", Spec{Compress: ptr(true), DelayCompress: ptr(false)}),
		with("compress not", Spec{Compress: ptr(false)}),
		with("create with a mode", Spec{Create: &Create{Mode: "600"}}),
		with("create for somebody", Spec{Create: &Create{Mode: "0640", Owner: "nobody", Group: "adm"}}),
		with("create for a number", Spec{Create: &Create{Mode: "0604", Owner: "65534"}}),
		with("create as it was", Spec{Create: &Create{}}),
		theirs(with("su", Spec{Su: "nobody nogroup"})),
		theirs(with("su and create", Spec{Su: "nobody nogroup", Create: &Create{Mode: "0600", Owner: "nobody", Group: "nogroup"}, Compress: ptr(true)})),
		with("copytruncate", Spec{CopyTruncate: ptr(true)}),
		with("copytruncate and compress", Spec{CopyTruncate: ptr(true), Compress: ptr(true), DelayCompress: ptr(false)}),
		with("olddir", Spec{OldDir: "OLD"}),
		with("olddir, relative and compressed", Spec{OldDir: "old", Compress: ptr(true)}),
		with("olddir and copytruncate", Spec{OldDir: "OLD", CopyTruncate: ptr(true)}),
		with("postrotate", Spec{PostRotate: engine.List{"cat >>MARKS <<'EOF'\npost { } # \"x\"\nEOF\n"}}),
		with("prerotate", Spec{PreRotate: engine.List{"if [ -e \"$1\" ]; then", "", "  echo pre >>MARKS", "fi"}}),
		with("a path with a blank", Spec{Paths: []string{"DIR/a b.log"}}),
		with("a pattern", Spec{Paths: []string{"DIR/[!x-z]*.log"}}),
		with("more than one path", Spec{Paths: []string{"DIR/none.log", "DIR/a.log"}}),
	}
}

// For every rule, logrotate finds no fault with it, and over six of its periods the host has what the
// rule asks for.
func TestLogrotateDoesWhatTheRuleAsksFor(t *testing.T) {
	needLogrotate(t)
	all := simulations()
	t.Logf("%d rules", len(all))
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { c.simulate(t) })
	}
}

func (c simulated) simulate(t *testing.T) {
	f := newField(t, &c.spec)
	name := "a.log"
	if strings.Contains(c.spec.Paths[0], " ") {
		name = "a b.log"
	}
	log := filepath.Join(f.dir, name)
	f.check(os.Mkdir(filepath.Join(f.dir, "old"), 0o755))
	f.check(os.Chown(f.dir, c.uid, c.gid))
	var days []string
	for day := range 6 {
		content := strings.Repeat(string(rune('a'+day)), c.size)
		ino := f.write(log, content, c)
		if c.still && day > 0 {
			break
		}
		days = append(days, content)
		if out, err := f.run(c.before(time.Now()), "-d"); err != nil || strings.Contains(out, "error:") {
			t.Fatalf("logrotate -d: %v\n%s", err, out)
		}
		if out, err := f.run(c.before(time.Now())); err != nil || out != "" {
			t.Fatalf("logrotate: %v\n%s", err, out)
		}
		c.compare(f, name, days)
		c.compareLog(f, log, ino)
	}
	if script := len(c.spec.PreRotate) + len(c.spec.PostRotate); script > 0 {
		b, err := os.ReadFile(f.marks)
		if n := strings.Count(string(b), "\n"); err != nil || n != len(days) {
			t.Errorf("the script ran %d times in %d days: %v", n, len(days), err)
		}
	}
}

// write is a day of the program that writes the log.
func (f *field) write(log, content string, c simulated) uint64 {
	f.t.Helper()
	f.check(os.WriteFile(log, []byte(content), 0o644))
	f.check(os.Chown(log, c.uid, c.gid))
	return f.stat(log).Ino
}

func (f *field) stat(name string) *syscall.Stat_t {
	f.t.Helper()
	info, err := os.Stat(name)
	f.check(err)
	return info.Sys().(*syscall.Stat_t)
}

// compare compares the rotated logs with what the rule asks for.
func (c simulated) compare(f *field, name string, days []string) {
	f.t.Helper()
	where := f.dir
	switch c.spec.OldDir {
	case "OLD":
		where = f.old
	case "old":
		where = filepath.Join(f.dir, "old")
	}
	want := map[string]string{}
	if !c.still {
		for i := range days {
			at := fmt.Sprintf("%s.%d", name, i+1)
			delay := c.spec.DelayCompress == nil || *c.spec.DelayCompress
			if on(c.spec.Compress) && (i > 0 || !delay) {
				at += ".gz"
			}
			if i < *c.spec.Keep || *c.spec.Keep == -1 {
				want[at] = days[len(days)-1-i]
			}
		}
	}
	got := f.tree(where)
	delete(got, name)
	if d := cmp.Diff(want, got); d != "" {
		f.t.Errorf("after %d days (-want +got):\n%s", len(days), d)
	}
}

// compareLog looks at what is in the place of the log that was rotated.
func (c simulated) compareLog(f *field, log string, ino uint64) {
	f.t.Helper()
	info, err := os.Stat(log)
	if !c.still && c.spec.Create == nil && !on(c.spec.CopyTruncate) {
		if err == nil {
			f.t.Error("the log is still there")
		}
		return
	}
	f.check(err)
	st := f.stat(log)
	if keeps := c.still || on(c.spec.CopyTruncate); keeps != (st.Ino == ino) && keeps {
		f.t.Error("it is another log")
	}
	if empty := info.Size() == 0; empty == c.still {
		f.t.Errorf("the log has %d bytes", info.Size())
	}
	if c.spec.Create == nil {
		return
	}
	want := map[string]string{
		"0600": "600 0 0", "0640 nobody adm": "640 65534 4", "0604 65534": "604 65534 0", "": "644 0 0", "0600 nobody nogroup": "600 65534 65534",
	}[c.spec.Create.words()]
	if got := fmt.Sprintf("%o %d %d", info.Mode().Perm(), st.Uid, st.Gid); got != want {
		f.t.Errorf("the new log is %s, want %s", got, want)
	}
}

// What needs more than one log, or an old or an empty one.
func TestLogrotateOptions(t *testing.T) {
	needLogrotate(t)
	yesterday := func() time.Time { return time.Now().AddDate(0, 0, -1) }
	daily := func(s Spec) *Spec {
		s.Paths, s.Every, s.Keep = []string{"DIR/*.log"}, "daily", ptr(9)
		return &s
	}
	for _, c := range []struct {
		name    string
		spec    *Spec
		logs    []string
		prepare func(f *field)
		want    []string
		marks   int
		fails   bool
	}{
		{name: "an empty log stays", spec: daily(Spec{}), logs: []string{""}, want: []string{"0.log"}},
		{name: "an empty log is rotated", spec: daily(Spec{IfEmpty: ptr(true)}), logs: []string{""}, want: []string{"0.log.1"}},
		{name: "a log is missing", spec: daily(Spec{}), want: nil},
		{name: "a log is missing, which is an error", spec: daily(Spec{MissingOK: ptr(false)}), want: nil, fails: true},
		{name: "a script for each log", spec: daily(Spec{PostRotate: engine.List{"echo >>MARKS"}}), logs: []string{"a", "b"}, want: []string{"0.log.1", "1.log.1"}, marks: 2},
		{name: "a script for all logs", spec: daily(Spec{PostRotate: engine.List{"echo >>MARKS"}, SharedScripts: ptr(true)}), logs: []string{"a", "b"}, want: []string{"0.log.1", "1.log.1"}, marks: 1},
		{name: "dates", spec: daily(Spec{DateExt: ptr(true)}), logs: []string{"a"}, want: []string{"0.log-" + time.Now().Format("20060102")}},
		{name: "old ones go", spec: daily(Spec{MaxAge: ptr(2)}), logs: []string{"a"}, want: []string{"0.log.1", "0.log.2"},
			prepare: func(f *field) {
				for i, days := range []int{1, 5} {
					old := fmt.Sprintf("%s/0.log.%d", f.dir, i+1)
					f.check(os.WriteFile(old, []byte("x"), 0o600))
					f.check(os.Chtimes(old, time.Now(), time.Now().AddDate(0, 0, -days)))
				}
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newField(t, c.spec)
			if c.prepare != nil {
				c.prepare(f)
			}
			for i, content := range c.logs {
				f.check(os.WriteFile(fmt.Sprintf("%s/%d.log", f.dir, i), []byte(content), 0o644))
			}
			out, err := f.run(yesterday())
			if (err != nil) != c.fails || (out != "") != c.fails {
				t.Errorf("%v\n%s", err, out)
			}
			var got []string
			for name := range f.tree(f.dir) {
				got = append(got, name)
			}
			if d := cmp.Diff(sorted(c.want), sorted(got)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			b, err := os.ReadFile(f.marks)
			if n := strings.Count(string(b), "\n"); n != c.marks || err != nil && c.marks > 0 {
				t.Errorf("the script ran %d times, want %d: %v", n, c.marks, err)
			}
		})
	}
}
