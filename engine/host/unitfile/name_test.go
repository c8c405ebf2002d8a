package unitfile

import (
	"os/exec"
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	long := strings.Repeat("x", 247)
	for _, name := range []string{"a.service", "a-b_c:d.socket", `a\x2d.mount`, "a@.service", "a@b@c.service", "a@b.c.timer", "-.mount", "..service", long + ".service", "a.device", "a.scope", "1.slice"} {
		if err := ValidName(name); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"":                    "has no name",
		"a":                   "must end with its type, such as a.service",
		"a.conf":              "must end with its type",
		".service":            "must end with its type",
		"a.service.":          "must end with its type, such as a.service.service",
		"@.service":           "has nothing before the @",
		"@a.service":          "has nothing before the @",
		"a/b.service":         `has the character '/'`,
		"ä.service":           `has the character 'ä'`,
		"a b.service":         `has the character ' '`,
		"a\x00.service":       `has the character '\x00'`,
		long + "xxxx.service": "has 259 characters; at most 255",
	} {
		if err := ValidName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestInstances(t *testing.T) {
	for name, want := range map[string][3]bool{ // valid, template, instance
		"a.service": {true, false, false}, "a@.service": {true, true, false}, "a@b.service": {true, false, true},
		"a@b@.service": {true, false, true}, "@.service": {}, "a@b": {},
	} {
		if got := [3]bool{valid(name), IsTemplate(name), IsInstance(name)}; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := Template("a@b.c.service"); got != "a@.service" {
		t.Error(got)
	}
	if _, ok := instantiate("a@.service", strings.Repeat("x", 250)); ok {
		t.Error("a name became too long")
	}
}

func TestEscape(t *testing.T) {
	paths := []string{"/", "//", "/a", "/a/b/", "//a//b", "/a/./b", "/.", "/.a", "/a/.b", "/a-b", `/a\b`, "/a b", "/ä", "/a@b", "/a:b_c.d", "/dev/disk/by-id/usb-x_1:0-part1", "/a\tb", "/%a", "/...", "/a..b", "/\x01\x7f"}
	for _, p := range append(paths, "", "a/b", ".", "./a", "/..", "/a/../b", "/a/..") {
		got, err := Escape(p)
		if refused := p == "" || p[0] != '/' || strings.Contains(p+"/", "/../"); refused != (err != nil) {
			t.Errorf("%q: %q, %v", p, got, err)
		}
	}
	if _, err := exec.LookPath("systemd-escape"); err != nil {
		t.Skipf("needs systemd-escape, of the package systemd: %v", err)
	}
	for _, p := range paths {
		out, err := exec.Command("systemd-escape", "--path", "--", p).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Escape(p); err != nil || got != strings.TrimSuffix(string(out), "\n") {
			t.Errorf("%q is written as %q (%v), by systemd-escape as %q", p, got, err, out)
		}
	}
	t.Logf("%d paths compared with systemd-escape", len(paths))
}
