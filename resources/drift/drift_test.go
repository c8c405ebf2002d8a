package drift

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/unit"
)

func block(change func(*Spec)) *Spec {
	s := &Spec{}
	s.Default()
	change(s)
	return s
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"as it is":            {func(*Spec) {}, ""},
		"spans":               {func(s *Spec) { s.Every, s.RandomizedDelay = "1h 30min", "0" }, ""},
		"no span":             {func(s *Spec) { s.Every = "often" }, `every: "often" is no time span`},
		"a word after":        {func(s *Spec) { s.Every = "15min sharp" }, "no time span"},
		"never":               {func(s *Spec) { s.Every = "infinity" }, "no time span"},
		"a line break":        {func(s *Spec) { s.RandomizedDelay = "1min\nExecStart=x" }, "randomized_delay"},
		"too often":           {func(s *Spec) { s.Every = "59s" }, "less than a minute"},
		"too seldom":          {func(s *Spec) { s.Every = "99y 99y" }, "hundred years"},
		"overflow":            {func(s *Spec) { s.Every = strings.Repeat("9", 300) + "y" }, "hundred years"},
		"contested at once":   {func(s *Spec) { s.ContestedAfter = -1 }, "contested_after"},
		"a relative command":  {func(s *Spec) { s.Command = "bin/agent0-converge" }, "command"},
		"a command with more": {func(s *Spec) { s.Command = "/bin/agent0-converge --x" }, "command"},
		"a specifier":         {func(s *Spec) { s.Command = "/opt/%i" }, "command"},
		"elsewhere":           {func(s *Spec) { s.Command = "/opt/agent0/agent0-converge" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := block(c.change).Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %q", err, c.want)
			}
			var at *engine.AttributeError
			if err != nil && !errors.As(err, &at) {
				t.Errorf("%v is of no attribute", err)
			}
		})
	}
}

// The same spans mean the same to systemd.
func TestSpan(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
	micros := regexp.MustCompile(`[μµ]s: (\d+)`)
	for _, s := range []string{
		"15min", "2 hours", "1h 30min", "1h30min", "55s500ms", "300ms20s 5day", "90", "1.5h", "1month", "2M", "1y 12months",
		"3w", "1d", "7hr", "0", "12 µs", " 5min ", "1.5", "10usec", "0.5min 3msec",
		"infinity", "", "min", "5 x", "-5min", "5min,", "1h 30", "5MIN", "1e3s",
	} {
		out, err := exec.Command("systemd-analyze", "timespan", "--", s).CombinedOutput()
		got, wrong := span(s)
		said := micros.FindStringSubmatch(string(out))
		n := int64(-1) // infinity, of which the number is too large
		if err == nil && said != nil {
			if whole, err := strconv.ParseInt(said[1], 10, 64); err == nil {
				n = whole
			}
		}
		if n < 0 {
			if wrong == nil {
				t.Errorf("%q is %v, and systemd does not know it: %s", s, got, out)
			}
			continue
		}
		if want := time.Duration(n) * time.Microsecond; wrong != nil || got != want {
			t.Errorf("%q is %v (%v), and %v to systemd", s, got, wrong, want)
		}
	}
}

// What the block stands for are two units that are valid by themselves.
func TestUnits(t *testing.T) {
	parts := block(func(s *Spec) { s.Every, s.ContestedAfter, s.Command = "1h", 5, "/opt/a" }).Expand(nil)
	if len(parts) != 2 {
		t.Fatalf("%d parts", len(parts))
	}
	claims := map[engine.Claim]bool{}
	for _, d := range parts {
		spec := d.Spec.(*unit.Spec)
		if err := spec.Validate(); err != nil {
			t.Errorf("%s: %v", d.Addr, err)
		}
		claims[engine.Claims(d.Addr, spec)[0]] = true
	}
	for _, name := range []string{service, timer} {
		if !claims[engine.UnitClaim(name)] {
			t.Errorf("no part claims %s: two drift blocks would not clash", name)
		}
	}
	if got := parts[0].Spec.(*unit.Spec).Service["ExecStart"][0]; got != "/opt/a apply --last --contested-after 5" {
		t.Errorf("it runs %q", got)
	}
	if got := parts[1].Spec.(*unit.Spec).Timer["OnUnitActiveSec"][0]; got != "1h" {
		t.Errorf("every %q", got)
	}
}

func TestInstalled(t *testing.T) {
	const at = "/usr/local/bin/agent0-converge"
	for name, c := range map[string]struct {
		files map[string]hosttest.File
		want  string
	}{
		"there":          {map[string]hosttest.File{at: {Mode: 0o755}}, ""},
		"a link to it":   {map[string]hosttest.File{at: {Link: "/opt/a"}, "/opt/a": {Mode: 0o755}}, ""},
		"missing":        {nil, "is not there: install the agent there (install -m 0755 agent0-converge " + at + ")"},
		"a folder":       {map[string]hosttest.File{at: {Dir: true}}, "is a directory"},
		"no program":     {map[string]hosttest.File{at: {Mode: 0o644}}, "cannot be executed"},
		"a broken link":  {map[string]hosttest.File{at: {Link: "/nowhere"}}, "is not there"},
		"below a folder": {map[string]hosttest.File{"/usr/local": {Content: "x"}}, "cannot look at"},
	} {
		t.Run(name, func(t *testing.T) {
			m := hosttest.New(t, hosttest.Config{Files: c.files, Offline: true})
			err := block(func(*Spec) {}).installed(context.Background(), m.View())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %q", err, c.want)
			}
		})
	}
}
