package accounts_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
	"github.com/agent0-converge/agent0-converge/resources/user"
)

var (
	people = []string{"alice", "bob", "carl", "dora", "emil"}
	clubs  = []string{"audio", "video", "render", "users"}
	// foreigners are lines that are no account.
	foreigners = []string{"", "# comment", "#alice:x:1", "+nis", "+::::::", "-bob", "broken", "one:two", ":x:1:1:::"}
)

// someOf draws some of all, in their order.
func someOf(t *rapid.T, what string, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(string) bool { return !rapid.Bool().Draw(t, what) })
}

// content mixes lines that are no account among lines, with or without a newline at the end.
func content(t *rapid.T, lines []string) hosttest.File {
	for _, f := range rapid.SliceOfN(rapid.SampledFrom(foreigners), 0, 3).Draw(t, "foreign lines") {
		lines = slices.Insert(lines, rapid.IntRange(0, len(lines)).Draw(t, "at"), f)
	}
	text := strings.Join(lines, "\n")
	// An empty line at the end of a file without a newline cannot be told from the newline.
	if text != "" && (slices.Contains(lines, "") || rapid.Bool().Draw(t, "newline")) {
		text += "\n"
	}
	return hosttest.File{Content: text}
}

// someSystem draws the files of a host: any of the people and clubs, with groups of their own.
func someSystem(t *rapid.T) map[string]hosttest.File {
	passwd, shadow := []string{"root:x:0:0::/root:/bin/sh"}, []string{"root:*:1::::::"}
	group, gshadow := []string{"root:x:0:"}, []string{"root:*::"}
	add := func(name string, gid int) {
		members := strings.Join(rapid.Permutation(someOf(t, "member", append(slices.Clone(people), "pulse"))).Draw(t, "order"), ",")
		group = append(group, fmt.Sprintf("%s:x:%d:%s", name, gid, members))
		gshadow = append(gshadow, fmt.Sprintf("%s:!:%s:%s", name, strings.Join(someOf(t, "admin", people[:2]), ","), members))
	}
	for i, name := range someOf(t, "person", people) {
		passwd = append(passwd, fmt.Sprintf("%s:x:%d:%d:%s:/home/%s:/bin/sh", name, 1000+i, 1000+i, name, name))
		shadow = append(shadow, fmt.Sprintf("%s:%s:1:0:99999:7:::", name, rapid.SampledFrom([]string{"!", "$6$a$b", "!$6$a$b"}).Draw(t, "password")))
		add(name, 1000+i)
	}
	there := clubs
	if rapid.IntRange(0, 4).Draw(t, "clubs") == 0 {
		there = someOf(t, "club", clubs)
	}
	for i, name := range there {
		add(name, 20+i)
	}
	files := map[string]hosttest.File{"/etc/.pwd.lock": {Mode: 0o600}, "/var/lib": {Dir: true}}
	files[accounts.Passwd], files[accounts.Group] = content(t, passwd), content(t, group)
	if rapid.Bool().Draw(t, "shadow") {
		files[accounts.Shadow] = content(t, shadow)
	}
	if rapid.Bool().Draw(t, "gshadow") {
		files[accounts.Gshadow] = content(t, gshadow)
	}
	return files
}

// someUser draws a block for a user.
func someUser(t *rapid.T, name string) engine.Declared {
	s := user.Spec{Name: name, System: rapid.Bool().Draw(t, "system")}
	if rapid.Bool().Draw(t, "says groups") {
		s.Groups = append([]string{}, someOf(t, "group", clubs)...)
		s.Exact = rapid.Bool().Draw(t, "exact")
	}
	s.Shell = rapid.SampledFrom([]string{"", "/bin/sh", "/bin/other"}).Draw(t, "shell")
	s.Comment = rapid.SampledFrom([]string{"", "Someone"}).Draw(t, "comment")
	s.Group = rapid.SampledFrom([]string{"", "", "", "", "audio", "20"}).Draw(t, "primary")
	if rapid.Bool().Draw(t, "says a number") {
		s.UID = id(rapid.IntRange(1004, 1030).Draw(t, "uid"))
	}
	if rapid.Bool().Draw(t, "says locked") {
		s.Locked = yes(rapid.IntRange(0, 9).Draw(t, "unlocked") > 0)
	}
	return aUser(s)
}

// someGroup draws a block for a group. Its members are nobody whom someUser says to be one.
func someGroup(t *rapid.T, name string, members []string) engine.Declared {
	s := group.Spec{Name: name}
	if rapid.Bool().Draw(t, "says members") {
		s.Members = append([]string{}, members...)
		s.Exact = rapid.Bool().Draw(t, "exact")
	}
	if rapid.Bool().Draw(t, "says a number") {
		s.GID = id(rapid.IntRange(20, 30).Draw(t, "gid"))
	}
	return aGroup(s)
}

// somePlan draws blocks; one at most removes.
func somePlan(t *rapid.T) []engine.Declared {
	var ds []engine.Declared
	for _, name := range someOf(t, "user of the plan", people) {
		ds = append(ds, someUser(t, name))
	}
	if rapid.Bool().Draw(t, "a group") {
		ds = append(ds, someGroup(t, rapid.SampledFrom([]string{"staff", "wheel"}).Draw(t, "name"), someOf(t, "member", people)))
	}
	if len(ds) > 0 && rapid.Bool().Draw(t, "remove one") {
		at := rapid.IntRange(0, len(ds)-1).Draw(t, "which")
		ds[at] = absent(ds[at])
	}
	return ds
}

// contents are the files, less what is in them of the plan's accounts.
func contents(m *hosttest.Machine, without []engine.Declared) map[string]string {
	out := map[string]string{}
	for _, name := range accountFiles {
		if b, err := os.ReadFile(m.Path(name)); err == nil {
			out[name] = others(string(b), without)
		}
	}
	return out
}

// others are the lines of accounts that are not the plan's, without the plan's users among members.
func others(text string, ds []engine.Declared) string {
	if ds == nil {
		return text
	}
	var ours []string
	for _, d := range ds {
		_, name, _ := strings.Cut(string(d.Addr), ".")
		ours = append(ours, name)
	}
	var out []string
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		f := strings.Split(line, ":")
		if slices.Contains(ours, f[0]) && len(f) > 2 {
			continue
		}
		if len(f) == 4 {
			for i := 2; i < 4; i++ {
				f[i] = strings.Join(slices.DeleteFunc(strings.Split(f[i], ","), func(s string) bool { return s == "" || slices.Contains(ours, s) }), ",")
			}
		}
		out = append(out, strings.Join(f, ":"))
	}
	return strings.Join(out, "\n")
}

// Whatever the files and the plan are: lines of others stay as they are, byte for byte; a second run
// has nothing to do; and undo brings everything back.
func TestProperties(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the machines' files have owners")
	}
	done, refused, clashes := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		m := hosttest.New(t, hosttest.Config{Files: someSystem(rt), Offline: true})
		plan := somePlan(rt)
		for i := range plan {
			plan[i] = ready(plan[i])
		}
		before, foreign := contents(m, nil), contents(m, slices.Clone(plan))
		report, err := converge(m, plan...)
		var mistakes engine.Mistakes
		if errors.As(err, &mistakes) {
			clashes++
			return
		}
		if report == nil {
			rt.Fatalf("the run did not end: %v", err)
		}
		if d := cmp.Diff(foreign, contents(m, slices.Clone(plan))); d != "" && !moves(plan) {
			rt.Errorf("lines of others changed (-before +after):\n%s", d)
		}
		if err == nil {
			done++
			for _, r := range apply(rt, m, plan...).Results {
				if r.Status != engine.Same {
					rt.Errorf("the second run says %s of %s: %v", r.Status, r.Addr, r.Fields)
				}
			}
		} else {
			refused++
		}
		if slices.ContainsFunc(report.Results, func(r engine.Result) bool { return r.Status == engine.Done || r.Status == engine.Failed }) {
			undo(rt, m)
		}
		after := contents(m, nil)
		if removers(plan) > 1 {
			before, after = unordered(before), unordered(after)
		}
		if d := cmp.Diff(before, after); d != "" {
			rt.Errorf("undo left the files different (-before +after):\n%s", d)
		}
	})
	t.Logf("%d plans done, %d refused in part, %d refused as a whole", done, refused, clashes)
	if done == 0 || refused == 0 {
		t.Errorf("%d plans done and %d refused prove too little", done, refused)
	}
}

// removers counts the blocks that take something away. Where it was side by side with what another
// takes away, each is put back in a place of its own, and their order among themselves may be another.
func removers(ds []engine.Declared) int {
	n := 0
	for _, d := range ds {
		exact := false
		switch s := d.Spec.(type) {
		case *user.Spec:
			exact = s.Exact
		case *group.Spec:
			exact = s.Exact
		}
		if d.Absent || exact {
			n++
		}
	}
	return n
}

// unordered are the files with their lines, and lists in them, in one order.
func unordered(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			f := strings.Split(line, ":")
			for j := range f {
				list := strings.Split(f[j], ",")
				slices.Sort(list)
				f[j] = strings.Join(list, ",")
			}
			lines[i] = strings.Join(f, ":")
		}
		slices.Sort(lines)
		out[name] = strings.Join(lines, "\n")
	}
	return out
}

// moves reports whether users of others get another primary group.
func moves(ds []engine.Declared) bool {
	return slices.ContainsFunc(ds, func(d engine.Declared) bool { s, ok := d.Spec.(*group.Spec); return ok && s.GID != nil })
}

// Any text is read without a panic and written back as it was; and a line that is put in and taken
// out leaves it so.
func FuzzTable(f *testing.F) {
	for _, text := range slices.Sorted(maps.Keys(map[string]bool{
		"": true, "\n": true, "root:x:0:0::/:/bin/sh": true, "\n\na:b\n+x\n": true, "a:x:1:b,,c\na:x:2:\n": true, "zed:x:1:\n": true,
	})) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table := accounts.NewTable(accounts.Group, text)
		if table.String() != text {
			t.Fatalf("%q is written as %q", text, table)
		}
		if table.Line("zed") != "" || text == "" {
			return
		}
		table.Put("zed:x:7:")
		if table.Line("zed") != "zed:x:7:" {
			t.Fatalf("put into %q, the line is %q", text, table.Line("zed"))
		}
		table.Delete("zed")
		if table.String() != text {
			t.Fatalf("%q became %q", text, table)
		}
	})
}
