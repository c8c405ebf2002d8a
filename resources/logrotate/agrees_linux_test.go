package logrotate

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What the plan refuses, logrotate refuses too: no refusal is one of a careful tool alone.
func TestLogrotateRefusesWhatThePlanRefuses(t *testing.T) {
	needLogrotate(t)
	rule := func(dir string) string { return dir + "/a.log {\n daily\n}\n" }
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir, rules string)
		want    string
	}{
		{"a folder open to all", func(t *testing.T, dir, rules string) {
			must(t, os.Chmod(dir, 0o777), os.WriteFile(rules+"/a", []byte(rule(dir)), 0o644))
		}, "parent directory has insecure permissions"},
		{"a folder open to a group", func(t *testing.T, dir, rules string) {
			must(t, os.Chown(dir, 0, 4), os.Chmod(dir, 0o775), os.WriteFile(rules+"/a", []byte(rule(dir)), 0o644))
		}, "parent directory has insecure permissions"},
		{"two rules for a log", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(rule(dir)), 0o644), os.WriteFile(rules+"/b", []byte(rule(dir)), 0o644))
		}, "duplicate log entry"},
		{"two patterns of a rule", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(dir+"/a*.log "+dir+"/*a.log {\n}\n"), 0o644))
		}, "duplicate log entry"},
		{"a rule that a group may write", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(rule(dir)), 0o644), os.Chmod(rules+"/a", 0o664))
		}, "because it is writable by group or others"},
		{"a rule of somebody else", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(rule(dir)), 0o644), os.Chown(rules+"/a", nobody, 0))
		}, "because the file owner is wrong"},
		{"no olddir", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(dir+"/a.log {\n olddir /none\n}\n"), 0o644))
		}, "error verifying olddir path"},
		{"an unknown user", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(dir+"/a.log {\n su none none\n}\n"), 0o644))
		}, "unknown user 'none'"},
		{"a number without a user", func(t *testing.T, dir, rules string) {
			must(t, os.WriteFile(rules+"/a", []byte(dir+"/a.log {\n su 47114711 root\n}\n"), 0o644))
		}, "unknown user '47114711'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, rules := t.TempDir(), t.TempDir()
			must(t, os.Chmod(dir, 0o755), os.WriteFile(dir+"/a.log", []byte("x"), 0o644))
			c.prepare(t, dir, rules)
			out, _ := exec.Command("logrotate", "-d", "-s", "/dev/null", rules).CombinedOutput() // in some of these its status is 0
			if !strings.Contains(string(out), c.want) {
				t.Errorf("logrotate says %s", out)
			}
		})
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Every name that Validate refuses for its ending is one that logrotate skips, and no other is.
func TestTabooNames(t *testing.T) {
	needLogrotate(t)
	rules := t.TempDir()
	names := []string{"plain", "a.b", "a.conf", "a.bak2", "tilde~x", "a.rpmsaved", "swp"}
	for _, p := range defaultTaboo() {
		names = append(names, strings.ReplaceAll("a"+p, "*", "1"))
	}
	for _, n := range names {
		must(t, os.WriteFile(filepath.Join(rules, n), []byte("/none/"+n+".log {\nmissingok\n}\n"), 0o644))
	}
	out, err := exec.Command("logrotate", "-d", "-s", "/dev/null", rules).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	skipped := 0
	for _, n := range names {
		read := strings.Contains(string(out), "reading config file "+n+"\n")
		refused := false
		for _, p := range defaultTaboo() {
			refused = refused || match(p, n)
		}
		if read == refused {
			t.Errorf("logrotate reads %s: %v; the plan refuses it: %v", n, read, refused)
		}
		if !read {
			skipped++
		}
	}
	if t.Logf("%d of %d names are skipped", skipped, len(names)); skipped != len(defaultTaboo()) {
		t.Errorf("%d names are skipped, want %d", skipped, len(defaultTaboo()))
	}
}

// Whatever Validate lets through, logrotate reads without an error.
func TestLogrotateReadsAllThatIsValid(t *testing.T) {
	needLogrotate(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Mkdir(dir+"/old", 0o755))
	for _, name := range slices.Concat(logNames(), badWords(), []string{"x1.log", "bb"}) {
		must(t, os.WriteFile(dir+"/"+name, []byte("x"), 0o644))
	}
	config, state := filepath.Join(dir, "rule"), filepath.Join(dir, "state")
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		s := randomSpec(t, dir)
		s.Default()
		if s.Validate() != nil {
			return
		}
		valid++
		if err := os.WriteFile(config, []byte(s.format()), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("logrotate", "-d", "-s", state, config).CombinedOutput()
		if err != nil || strings.Contains(string(out), "error:") || strings.Count(string(out), "warning:") > 1 { // one says that -d changes nothing
			t.Fatalf("%v\n%s\n%s", err, s.format(), out)
		}
	})
	if t.Logf("%d rules were valid", valid); valid < 30 {
		t.Errorf("only %d rules were valid", valid)
	}
}
