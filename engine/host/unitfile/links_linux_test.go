package unitfile

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is there after Enable is what Links finds, whatever was there before: whoever compares the
// two knows whether a unit is enabled as it says.
func TestLinksAreWhatEnableSays(t *testing.T) {
	compared := 0
	for _, c := range trees() {
		units := c.units
		if units == nil {
			units = []string{"a.service"}
		}
		for _, unit := range units {
			root := build(t, c.files)
			if change(t, root, "enable", unit) != nil {
				continue
			}
			compared++
			tree := open(t, root)
			want, gone, err := Enable(tree, unit)
			if err != nil || len(gone) > 0 {
				t.Errorf("%s: %s: enabled again: %v would go, %v", c.name, unit, gone, err)
			}
			have, err := Links(tree, unit)
			if err != nil {
				t.Errorf("%s: %s: %v", c.name, unit, err)
			}
			found := map[Link]bool{}
			for _, l := range have {
				found[l] = true
			}
			for _, l := range want {
				if !found[l] {
					t.Errorf("%s: %s: Links does not find %v, only %v", c.name, unit, l, have)
				}
			}
		}
	}
	t.Logf("%d enabled units compared", compared)
	if compared < 60 {
		t.Errorf("only %d units were compared", compared)
	}
}

// Masking a unit hides its links from systemctl disable, not from Links.
func TestLinksOfAMaskedUnit(t *testing.T) {
	wants := etc + "x.target.wants/a.service"
	tree := open(t, build(t, files{usr + "a.service": with("WantedBy=x.target"), etc + "a.service": "-> /dev/null", wants: "-> " + usr + "a.service"}))
	links, err := Links(tree, "a.service")
	if diff := cmp.Diff([]Link{{wants, usr + "a.service"}}, links); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if gone, err := Disable(tree, "a.service"); len(gone) != 0 || err != nil {
		t.Errorf("%v, %v", gone, err)
	}
}

func TestEnable(t *testing.T) {
	root := build(t, files{
		usr + "a.service": with("WantedBy=x.target", "Also=b.socket", "Alias=c.service"), usr + "b.socket": dropIn("WantedBy=sockets.target"),
		etc + "x.target.wants/a.service": "-> ../../../../usr/lib/systemd/system/a.service", etc + "sockets.target.wants/b.socket": "-> /opt/old.socket",
	})
	links, remove, err := Enable(open(t, root), "a.service")
	want := []Link{
		{etc + "c.service", usr + "a.service"},
		{etc + "sockets.target.wants/b.socket", usr + "b.socket"},
		{etc + "x.target.wants/a.service", "../../../../usr/lib/systemd/system/a.service"},
	}
	if diff := cmp.Diff(want, links); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{etc + "sockets.target.wants/b.socket"}, remove); diff != "" {
		t.Error(diff)
	}
}

// systemctl before version 254 knows no UpheldBy=.
func TestUpheldBy(t *testing.T) {
	root := build(t, files{usr + "a.service": with("UpheldBy=x.target")})
	tree := open(t, root)
	if state, err := State(tree, "a.service"); state != "disabled" || err != nil {
		t.Errorf("%s, %v", state, err)
	}
	if err := change(t, root, "enable", "a.service"); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(root + etc + "x.target.upholds/a.service"); to != usr+"a.service" {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
	if state, err := State(tree, "a.service"); state != "enabled" || err != nil {
		t.Errorf("%s, %v", state, err)
	}
	if got, err := Disable(tree, "a.service"); len(got) != 1 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// On a running system systemctl finds links to a link that it removes; with --root it depends on
// the order of the directory.
func TestDisableFollowsLinks(t *testing.T) {
	tree := open(t, build(t, files{
		usr + "a.service": with("Alias=b.service"), etc + "b.service": "-> " + usr + "a.service",
		etc + "x.target.wants/c.service": "-> ../b.service", etc + "y.target.requires/b.service": "-> ../b.service",
		run + "z.target.wants/a.service": "-> " + usr + "a.service", etc + "other.target.wants/o.service": "-> " + usr + "o.service",
	}))
	etcLinks := []string{etc + "b.service", etc + "x.target.wants/c.service", etc + "y.target.requires/b.service"}
	got, err := Disable(tree, "a.service")
	if diff := cmp.Diff(etcLinks, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	links, err := Links(tree, "a.service")
	if len(links) != 4 || err != nil || links[3] != (Link{run + "z.target.wants/a.service", usr + "a.service"}) {
		t.Errorf("%v, %v", links, err)
	}
}

func TestRefusals(t *testing.T) {
	tree := open(t, build(t, files{
		usr + "static.service": noInstall, etc + "masked.service": "-> /dev/null", "/run/systemd/generator/generated.service": with("WantedBy=x.target"),
		usr + "t@.service": with("WantedBy=x.target"), etc + "own.service": with("WantedBy=x.target"), etc + "linked.service": "-> /opt/linked.service",
		usr + "clash.service": with("Alias=own.service"), usr + "broken.service": "[Install\n",
	}))
	for name, want := range map[string]string{
		"static.service":    "static.service has no [Install] section that says what it is to be started by",
		"masked.service":    "cannot enable masked.service: /etc/systemd/system/masked.service is masked: unmask it first",
		"generated.service": "is made anew at every boot",
		"t@.service":        "t@.service is a template and x.target is not: name an instance, such as t@NAME.service",
		"gone.service":      "cannot enable gone.service: there is no unit file gone.service",
		"clash.service":     "/etc/systemd/system/own.service is in the way: it is a file",
		"broken.service":    "/usr/lib/systemd/system/broken.service: line 1: the section header [Install does not end with ]",
		"no-type":           "must end with its type",
	} {
		links, remove, err := Enable(tree, name)
		if err == nil || !strings.Contains(err.Error(), want) || links != nil || remove != nil {
			t.Errorf("%s: %v, %v, %v", name, links, remove, err)
		}
		var static *StaticError
		if errors.As(err, &static) != (name == "static.service") {
			t.Errorf("%s: %#v", name, err)
		}
	}
	for name, want := range map[string]string{
		"own.service":    "cannot mask own.service: /etc/systemd/system/own.service is in the way: it is a file",
		"linked.service": "cannot mask linked.service: /etc/systemd/system/linked.service is in the way: it is a symbolic link to /opt/linked.service",
	} {
		if l, err := Mask(tree, name); err == nil || err.Error() != want || l != nil {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}

func TestPreset(t *testing.T) {
	tree := open(t, build(t, files{
		usr + "a.service": with("WantedBy=x.target"), usr + "b.service": with("WantedBy=x.target"), etc + "x.target.wants/b.service": "-> " + usr + "b.service",
		"/etc/systemd/system-preset/10.preset": "ignore [ab].service\nenable c*\n", pre + "90.preset": "disable d.service\n",
	}))
	for name, want := range map[string]struct {
		enable bool
		rule   string
	}{
		"a.service": {false, "/etc/systemd/system-preset/10.preset: ignore [ab].service"},
		"b.service": {true, "/etc/systemd/system-preset/10.preset: ignore [ab].service"},
		"c.service": {true, "/etc/systemd/system-preset/10.preset: enable c*"},
		"d.service": {false, pre + "90.preset: disable d.service"},
		"e.service": {true, ""},
	} {
		enable, rule, err := Preset(tree, name)
		if enable != want.enable || rule != want.rule || err != nil {
			t.Errorf("%s: %v, %q, %v", name, enable, rule, err)
		}
	}
}

func TestMachineSpecifiers(t *testing.T) {
	tree := open(t, build(t, files{
		"/etc/hostname": "node.example.org\n", "/etc/machine-info": "PRETTY_HOSTNAME=\"pretty\"\n",
		usr + "a.service": with("WantedBy=%H.target %l.target %q.target"), usr + "b.service": with("WantedBy=%b.target"),
	}))
	links, _, err := Enable(tree, "a.service")
	var got []string
	for _, l := range links {
		got = append(got, l.Path)
	}
	want := []string{etc + "node.example.org.target.wants/a.service", etc + "node.target.wants/a.service", etc + "pretty.target.wants/a.service"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, _, err := Enable(tree, "b.service"); err == nil || !strings.Contains(err.Error(), "/proc/sys/kernel/random/boot_id") {
		t.Errorf("%v", err)
	}
}
