package unitfile

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// systemctl runs the real one on a root; it is what this package promises to be like.
type systemctl struct{ version int }

func needSystemctl(t *testing.T) systemctl {
	t.Helper()
	out, err := exec.Command("systemctl", "--version").Output()
	if err != nil {
		t.Skipf("needs systemctl, of the package systemd: %v", err)
	}
	m := regexp.MustCompile(`^systemd (\d+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("systemctl --version says %q", out)
	}
	version, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return systemctl{version}
}

func (systemctl) run(root string, args ...string) (stdout, stderr string, ok bool) {
	cmd := exec.Command("systemctl", append([]string{"--root=" + root, "--no-pager", "--no-legend"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMCTL_SKIP_SYSV=1"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// memory is a folder in memory where there is one, "" for the usual place: a sweep makes thousands
// of trees.
func memory() string {
	const name = "/dev/shm"
	if err := unix.Access(name, unix.W_OK); err != nil || os.Getenv("TMPDIR") != "" {
		return ""
	}
	return name
}

// build makes a tree in a temporary folder.
func build(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := os.MkdirTemp(memory(), "unitfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for p, text := range files {
		full := filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, full)
		} else {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// open reads a folder as a host.
func open(t testing.TB, root string) host.Tree {
	t.Helper()
	h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h.View().Files
}

// links lists all symbolic links below a root, and all files, so that nothing goes unseen. On a
// merged /usr systemd writes either name of a directory; both are the same.
func links(t *testing.T, root string) map[string]string {
	t.Helper()
	_, err := os.Readlink(filepath.Join(root, "lib"))
	merged := err == nil
	found := map[string]string{}
	err = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name := strings.TrimPrefix(p, root)
		if e.Type() != fs.ModeSymlink {
			found[name] = "a file"
			return nil
		}
		target, err := os.Readlink(p)
		if merged && strings.HasPrefix(target, "/lib/") {
			target = "/usr" + target
		}
		found[name] = "-> " + target
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// state is what is-enabled prints of a unit of a root.
func (s systemctl) state(t *testing.T, root, unit string) string {
	t.Helper()
	return enablementOf(s.run(root, "is-enabled", unit))
}

// enablementOf is the state that is-enabled printed. Where it prints an error there is no unit, or a
// bad one.
func enablementOf(out, errs string, ok bool) string {
	state := strings.TrimSpace(out)
	switch {
	case state == "not-found", !ok && state == "" && strings.Contains(errs, "No such file or directory"):
		return ""
	case state == "" && !ok:
		return "bad"
	}
	return state
}

// change does to the links what this package says of a verb. refused is why nothing was done.
func change(t *testing.T, root, verb, unit string) (refused error) {
	t.Helper()
	tree := open(t, root)
	var made []Link
	var gone []string
	var err error
	switch verb {
	case "enable":
		made, gone, err = Enable(tree, unit)
	case "disable":
		gone, err = Disable(tree, unit)
	case "mask":
		var l *Link
		if l, err = Mask(tree, unit); l != nil {
			made = []Link{*l}
		}
	case "unmask":
		gone, err = Unmask(tree, unit)
	case "preset":
		return preset1(t, root, unit)
	}
	if err != nil {
		return err
	}
	for _, p := range gone {
		if err := os.Remove(filepath.Join(root, p)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range made {
		full := filepath.Join(root, l.Path)
		if had, err := os.Readlink(full); err == nil && had == l.Target {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(l.Target, full); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// preset1 enables or disables as Preset says, and leaves other names of a unit alone.
func preset1(t *testing.T, root, unit string) error {
	t.Helper()
	tree := open(t, root)
	switch u, err := newInstall(tree).discover(unit); {
	case err != nil:
		return err
	case u.name != unit:
		return nil // a preset leaves an alias alone
	}
	p, err := presetOf(tree, unit)
	if err != nil {
		t.Fatal(err)
	}
	enable, rule, err := Preset(tree, unit)
	if err != nil {
		t.Fatal(err)
	}
	if (rule == "") != (p.verb == "") {
		t.Errorf("%s: the rule is %q, the line %+v", unit, rule, p)
	}
	switch {
	case p.verb == "ignore":
		return nil
	case !enable:
		return change(t, root, "disable", unit)
	case len(p.instances) > 0 && IsTemplate(unit):
		for _, i := range p.instances {
			name, _ := instantiate(unit, i)
			if err := change(t, root, "enable", name); err != nil {
				return err
			}
		}
		return nil
	}
	err = change(t, root, "enable", unit)
	if _, static := err.(*StaticError); static {
		return nil // a preset leaves alone what has nothing to enable
	}
	return err
}

// Every tree is built twice for every verb: systemctl changes one, this package the other.
func TestParity(t *testing.T) {
	s := needSystemctl(t)
	var cases, listed, states, verbs, refusals, other atomic.Int64
	t.Run("trees", func(t *testing.T) {
		for _, c := range trees() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				cases.Add(1)
				if s.version < c.since || c.until > 0 && s.version > c.until {
					other.Add(1)
					return
				}
				units := c.units
				if units == nil {
					units = []string{"a.service"}
				}
				listed.Add(int64(s.compareList(t, c.files)))
				for _, unit := range units {
					states.Add(1)
					s.compareState(t, build(t, c.files), unit, "at first")
					for _, verb := range []string{"enable", "disable", "preset", "mask", "unmask"} {
						if slices.Contains(c.not, verb) {
							continue
						}
						verbs.Add(1)
						if s.compareVerb(t, c.files, verb, unit) {
							refusals.Add(1)
						}
					}
				}
			})
		}
	})
	t.Logf("systemd %d: %d trees, %d rows of list-unit-files, %d states of is-enabled, %d changes compared, %d of them refused by both; %d trees are of other versions",
		s.version, cases.Load(), listed.Load(), states.Load(), verbs.Load(), refusals.Load(), other.Load())
	if n := cases.Load() - other.Load(); n < 45 {
		t.Errorf("only %d trees were compared", n)
	}
}

// compareState compares what is said of one unit.
func (s systemctl) compareState(t *testing.T, root, unit, when string) {
	t.Helper()
	want := s.state(t, root, unit)
	got, err := State(open(t, root), unit)
	if err != nil || got != want {
		t.Errorf("%s %s: the state is %q (%v), systemctl says %q", unit, when, got, err, want)
	}
}

// compareList compares what is said of all units of a tree that list-unit-files knows, and says
// how many those are. It calls bad what is-enabled says is not there: a link that leads nowhere.
func (s systemctl) compareList(t *testing.T, files map[string]string) int {
	t.Helper()
	root := build(t, files)
	tree := open(t, root)
	out, stderr, ok := s.run(root, "list-unit-files")
	if !ok && stderr != "" { // it fails silently where there are no units
		t.Errorf("systemctl list-unit-files: %s", stderr)
	}
	rows := 0
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		got, err := State(tree, fields[0])
		if got == "" {
			got = "bad"
		}
		if rows++; err != nil || got != fields[1] {
			t.Errorf("%s: the state is %q (%v), list-unit-files says %q", fields[0], got, err, fields[1])
		}
	}
	return rows
}

// compareVerb reports whether both refused.
func (s systemctl) compareVerb(t *testing.T, files map[string]string, verb, unit string) bool {
	t.Helper()
	theirs, ours := build(t, files), build(t, files)
	_, stderr, ok := s.run(theirs, verb, unit)
	refused := change(t, ours, verb, unit)
	if _, static := refused.(*StaticError); static {
		// systemctl tells this and is content with it.
		if !ok || !strings.Contains(stderr, "not meant to be enabled") {
			t.Errorf("%s %s: %v; systemctl says %q", verb, unit, refused, stderr)
		}
		refused = nil
	}
	if verb == "preset" && ok && refused != nil {
		refused = nil // what Enable refuses a preset passes over: both leave it as it is
	}
	if verb == "disable" && !ok && s.version > 252 && s.state(t, theirs, unit) == "bad" {
		return true // 257 will not disable what it cannot read; 252 removes its links, as Disable does
	}
	if ok != (refused == nil) {
		t.Errorf("%s %s: refused with %v; systemctl says %q", verb, unit, refused, stderr)
	}
	if refused != nil {
		if diff := cmp.Diff(links(t, build(t, files)), links(t, ours)); diff != "" {
			t.Errorf("%s %s was refused and yet changed something:\n%s", verb, unit, diff)
		}
		return true // systemctl may have done a part before it gave up
	}
	if diff := cmp.Diff(links(t, theirs), links(t, ours)); diff != "" {
		t.Errorf("%s %s: - systemctl, + ours:\n%s", verb, unit, diff)
	}
	s.compareState(t, ours, unit, "after "+verb)
	return false
}
