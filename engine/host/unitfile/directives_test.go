package unitfile

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ unitType, section, name, want string }{
		{"service", "Service", "MemoryMax", ""},
		{"service", "Service", "MemoryMaximum", "there is no Service directive MemoryMaximum; did you mean MemoryMax?"},
		{"service", "Service", "memorymax", "there is no Service directive memorymax; did you mean MemoryMax?"},
		{"service", "Service", "NoNewPriviledges", "there is no Service directive NoNewPriviledges; did you mean NoNewPrivileges?"},
		{"service", "Service", "Qqqqqqqqqqqq", "there is no Service directive Qqqqqqqqqqqq"},
		{"service", "Unit", "Restart", "Restart belongs to [Service], not [Unit]"},
		{"service", "Service", "After", "After belongs to [Unit], not [Service]"},
		{"service", "Service", "WantedBy", "WantedBy belongs to [Install], not [Service]"},
		{"service", "Install", "UpheldBy", ""},
		{"service", "Install", "WantBy", "there is no Install directive WantBy; did you mean WantedBy?"},
		{"service", "Socket", "ListenStream", "a service unit has no section [Socket]; it has [Unit], [Service] and [Install]"},
		{"service", "Service", "X-Own", ""},
		{"service", "X-Mine", "anything", ""},
		{"socket", "Socket", "ListenStream", ""},
		{"socket", "Socket", "MemoryMax", ""},
		{"timer", "Timer", "OnCalendar", ""},
		{"timer", "Timer", "ExecStart", "there is no Timer directive ExecStart"},
		{"path", "Path", "PathChanged", ""},
		{"mount", "Mount", "What", ""},
		{"automount", "Automount", "TimeoutIdleSec", ""},
		{"swap", "Swap", "Priority", ""},
		{"slice", "Slice", "CPUWeight", ""},
		{"target", "Unit", "AllowIsolate", ""},
		{"target", "Target", "Anything", "a target unit has no section [Target]; it has [Unit] and [Install]"},
		{"target", "", "Anything", "a target unit has no section []; it has [Unit] and [Install]"},
		{"scope", "Unit", "After", `there are no unit files of the type "scope"`},
		{"conf", "Unit", "After", `there are no unit files of the type "conf"`},
	} {
		got := ""
		if err := Check(c.unitType, c.section, c.name); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s [%s] %s: %q, not %q", c.unitType, c.section, c.name, got, c.want)
		}
	}
}

func TestSince(t *testing.T) {
	for name, want := range map[string]int{"Unit.After": 0, "Install.UpheldBy": 254, "Service.RestartSteps": 254, "Service.Nonsense": 0} {
		section, name, _ := strings.Cut(name, ".")
		if got := Since(section, name); got != want {
			t.Errorf("%s.%s came with %d", section, name, got)
		}
	}
}

// The table has every setting that the systemd of this machine has.
func TestDirectivesOfThisSystemd(t *testing.T) {
	program := ""
	for _, p := range []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"} {
		if _, err := os.Stat(p); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Skip("needs /usr/lib/systemd/systemd, of the package systemd")
	}
	out, err := exec.Command(program, "--dump-configuration-items").Output()
	if err != nil {
		t.Fatal(err)
	}
	section, dumped := "", 0
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		if name, _, ok := strings.Cut(line, "="); ok {
			dumped++
			if !listed(section, name) {
				t.Errorf("systemd has %s.%s, the table has not", section, name)
			}
		}
	}
	t.Logf("%d settings of this systemd are in the table of %d", dumped, strings.Count(directives, "\n"))
	if dumped < 1000 {
		t.Errorf("systemd printed only %d settings", dumped)
	}
	for _, unitType := range Types() {
		if d := Known(unitType); HasFiles(unitType) && (len(d.Names["Unit"]) < 50 || !slices.Contains(d.Names["Install"], "WantedBy") || d.Section != "" && len(d.Names[d.Section]) == 0) {
			t.Errorf("%s units have %d settings", unitType, len(d.Names["Unit"]))
		}
	}
}
