package unitfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marked is a unit file or drop-in with a setting that systemd complains of, naming the file: so it
// tells which files it reads, and in which order.
const marked = "[Unit]\nMarker=1\n[Service]\nExecStart=/bin/true\n"

const more = "[Unit]\nMarker=1\n"

func locateTrees() []tree {
	return []tree{
		{name: "in usr", files: files{usr + "a.service": marked}},
		{name: "not there", files: files{usr + "b.service": marked}},
		{name: "etc before run before usr", files: files{usr + "a.service": marked, run + "a.service": marked, etc + "a.service": marked}},
		{name: "run before local", files: files{loc + "a.service": marked, run + "a.service": marked}},
		{name: "transient before all but control", files: files{etc + "a.service": marked, "/run/systemd/transient/a.service": marked, "/run/systemd/system.control/a.service.d/1.conf": more}},
		{name: "generators", files: files{"/run/systemd/generator/a.service": marked, "/run/systemd/generator.late/a.service": marked, usr + "a.service": marked}},
		{name: "late generator", files: files{"/run/systemd/generator.late/a.service": marked}},
		{name: "masked by a link", files: files{usr + "a.service": marked, etc + "a.service": "-> /dev/null"}},
		{name: "masked by an empty file", files: files{usr + "a.service": marked, etc + "a.service": ""}},
		{name: "linked", files: files{"/opt/a.service": marked, etc + "a.service": "-> ../../../opt/a.service"}},
		{name: "linked under another name", files: files{"/opt/b.service": marked, etc + "a.service": "-> ../../../opt/b.service"}},
		{name: "alias", files: files{usr + "b.service": marked, usr + "a.service": "-> b.service"}, units: []string{"a.service", "b.service"}},
		{name: "alias of an alias", files: files{usr + "c.service": marked, usr + "b.service": "-> c.service", etc + "a.service": "-> ../../../usr/lib/systemd/system/b.service"}, units: []string{"a.service", "b.service", "c.service"}},
		{name: "alias that is refused", files: files{usr + "a.service": marked, etc + "a.service": "-> b.socket"}},
		{name: "alias that leads nowhere", files: files{usr + "a.service": marked, etc + "a.service": "-> gone.service"}},
		{name: "alias in a circle", files: files{usr + "a.service": "-> b.service", usr + "b.service": "-> a.service"}},
		{name: "alias of a masked unit", files: files{usr + "b.service": marked, etc + "b.service": "-> /dev/null", usr + "a.service": "-> b.service"}},
		{name: "drop-ins by name over all directories", files: files{usr + "a.service": marked, usr + "a.service.d/20.conf": more, etc + "a.service.d/30.conf": more, run + "a.service.d/10.conf": more, etc + "a.service.d/x.txt": more}},
		{name: "drop-ins of one name", files: files{usr + "a.service": marked, usr + "a.service.d/10.conf": more, run + "a.service.d/10.conf": more, etc + "a.service.d/10.conf": more}},
		{name: "drop-in hidden", files: files{usr + "a.service": marked, usr + "a.service.d/10.conf": more, etc + "a.service.d/10.conf": "", usr + "a.service.d/20.conf": more, etc + "a.service.d/20.conf": "-> /dev/null"}},
		{name: "drop-ins of the type", files: files{usr + "a.service": marked, usr + "service.d/10.conf": more, usr + "a.service.d/10.conf": more, etc + "service.d/20.conf": more}},
		{name: "drop-ins by prefix", files: files{usr + "a-b-c.service": marked, etc + "a-.service.d/1.conf": more, usr + "a-b-.service.d/1.conf": more, usr + "a-b-.service.d/2.conf": more, usr + "a-b-c.service.d/3.conf": more, usr + "a-b.service.d/4.conf": more}, units: []string{"a-b-c.service"}},
		{name: "drop-ins by prefix of strange names", files: files{usr + "a--b.service": marked, usr + "c-.service": marked, usr + "-d.service": marked, etc + "a-.service.d/1.conf": more, etc + "a--.service.d/2.conf": more, etc + "c-.service.d/3.conf": more, etc + "-.service.d/4.conf": more, usr + "e-f-.service": marked, etc + "e-.service.d/5.conf": more}, units: []string{"a--b.service", "c-.service", "-d.service", "e-f-.service"}},
		{name: "template", files: files{usr + "a@.service": marked, etc + "a@.service.d/2.conf": more, usr + "a@x.service.d/1.conf": more, usr + "a@y.service.d/3.conf": more}, units: []string{"a@x.service", "a@y.service"}},
		{name: "instance of its own", files: files{usr + "a@.service": marked, usr + "a@x.service": marked}, units: []string{"a@x.service", "a@y.service"}},
		{name: "prefix of an instance", files: files{usr + "a-b@.service": marked, etc + "a-@.service.d/1.conf": more, etc + "a-@x.service.d/2.conf": more, etc + "a-.service.d/3.conf": more}, units: []string{"a-b@x.service"}},
		{name: "drop-ins of an alias", files: files{usr + "b.service": marked, usr + "a.service": "-> b.service", etc + "a.service.d/1.conf": more, etc + "b.service.d/2.conf": more}, units: []string{"a.service", "b.service"}},
		{name: "drop-ins of a template's alias", files: files{usr + "a@.service": marked, usr + "b@.service": "-> a@.service", etc + "b@x.service.d/1.conf": more, etc + "b@.service.d/2.conf": more}, units: []string{"a@x.service", "b@x.service"}},
		{name: "instance as another's alias", files: files{usr + "a@.service": marked, etc + "b@x.service": "-> ../../../usr/lib/systemd/system/a@.service", etc + "b@x.service.d/1.conf": more}, units: []string{"b@x.service", "a@x.service", "a@y.service"}},
		{name: "instance as a link to its template", files: files{usr + "a@.service": marked, etc + "a@x.service": "-> ../../../usr/lib/systemd/system/a@.service", etc + "a@.service.d/1.conf": more}, units: []string{"a@x.service"}},
		{name: "escapes", files: files{usr + `a\x2db.service`: marked, usr + `a\x2db.service.d/1.conf`: more}, units: []string{`a\x2db.service`}},
	}
}

// What systemd reads for a unit is seen in what it complains of.
func TestLocateParity(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skipf("needs systemd-analyze, of the package systemd: %v", err)
	}
	compared := 0
	for _, c := range locateTrees() {
		units := c.units
		if units == nil {
			units = []string{"a.service"}
		}
		for _, unit := range units {
			compared++
			root := build(t, c.files)
			tree := open(t, root)
			var dirs []string
			for _, dir := range LookupPath(tree) {
				dirs = append(dirs, filepath.Join(root, dir))
			}
			want, out := analyze(t, root, strings.Join(dirs, ":"), unit)
			u, err := Locate(tree, unit)
			if err != nil {
				t.Errorf("%s: %s: %v", c.name, unit, err)
				continue
			}
			if diff := cmp.Diff(want, reads(root, u)); diff != "" {
				t.Errorf("%s: %s: - systemd, + ours:\n%s%s", c.name, unit, diff, out)
			}
		}
	}
	t.Logf("%d trees, %d units compared with what systemd reads", len(locateTrees()), compared)
	if compared < 40 {
		t.Errorf("only %d units were compared", compared)
	}
}

// analyze lists the files that systemd reads for a unit; "masked" for one that it does not read.
func analyze(t *testing.T, root, dirs, unit string) (files []string, out string) {
	t.Helper()
	cmd := exec.Command("systemd-analyze", "verify", "--man=no", "--", unit)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_UNIT_PATH=" + dirs}
	b, _ := cmd.CombinedOutput() // it fails for want of all the other units
	text := string(b)
	complaint := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(root) + `(/.*):\d+: Unknown key '?Marker'?`)
	for _, m := range complaint.FindAllStringSubmatch(text, -1) {
		files = append(files, m[1])
	}
	if strings.Contains(text, "is masked") {
		files = []string{"masked"}
	}
	return files, text
}

// reads is the same of what Locate found.
func reads(root string, u *Unit) (files []string) {
	switch {
	case u == nil:
		return nil
	case u.Masked:
		return []string{"masked"}
	}
	for _, p := range append([]string{u.Path}, u.DropIns...) {
		if info, err := os.Stat(filepath.Join(root, p)); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			files = append(files, p)
		}
	}
	return files
}

// What of a unit systemd-analyze does not tell.
func TestLocateNames(t *testing.T) {
	root := build(t, files{
		usr + "a.service": marked, usr + "b.service": "-> a.service", etc + "c.service": "-> " + usr + "b.service",
		etc + "d.service": "-> /dev/null", "/opt/e.service": marked, etc + "e.service": "-> /opt/e.service",
		usr + "t@.service": marked, usr + "u@.service": "-> t@.service",
	})
	tree := open(t, root)
	want := map[string]*Unit{
		"a.service":   {Name: "a.service", Path: usr + "a.service", Aliases: []string{"b.service", "c.service"}},
		"c.service":   {Name: "a.service", Path: usr + "a.service", Aliases: []string{"b.service", "c.service"}},
		"d.service":   {Name: "d.service", Path: etc + "d.service", Masked: true, Target: "/dev/null"},
		"e.service":   {Name: "e.service", Path: etc + "e.service", Target: "/opt/e.service"},
		"t@.service":  {Name: "t@.service", Path: usr + "t@.service", Aliases: []string{"u@.service"}},
		"u@1.service": {Name: "t@1.service", Path: usr + "t@.service", Aliases: []string{"u@1.service"}},
		"f.service":   nil,
	}
	for name, want := range want {
		got, err := Locate(tree, name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	if _, err := Locate(tree, "a"); err == nil {
		t.Error("a name without a type was looked for")
	}
}
