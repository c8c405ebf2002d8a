package machine

import (
	"fmt"
	"strings"
	"testing"
)

// The limits of units hold: what wants more memory is killed, and what wants more processor is throttled.
func TestMemoryMaxKills(t *testing.T) {
	m := Booted(t, Options{})
	eat := []string{"dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"}
	m.MustRun(t, append([]string{"systemd-run", "--wait", "--unit=free"}, eat...)...)
	rc, out, err := m.Run(t.Context(), append([]string{"systemd-run", "--wait", "--unit=tight", "-p", "MemoryMax=32M"}, eat...))
	if rc == 0 || err != nil {
		t.Errorf("200 MB within 32: exit status %d, %v\n%s", rc, err, out)
	}
	got := m.MustRun(t, "systemctl", "show", "--value", "-p", "Result", "-p", "ExecMainStatus", "tight.service")
	if words := strings.Fields(got); len(words) != 2 || words[0] != "9" && words[1] != "9" ||
		!strings.Contains(got, "signal") && !strings.Contains(got, "oom-kill") {
		t.Errorf("it ended with %q", got)
	}
}

func TestCPUQuotaThrottles(t *testing.T) {
	m := Booted(t, Options{})
	throttled := func(unit string) func() (bool, string) {
		return func() (bool, string) {
			out := m.MustRun(t, "sh", "-c", "cd /sys/fs/cgroup && cat $(ls -d cpu/system.slice/"+unit+" system.slice/"+unit+" 2>/dev/null | head -1)/cpu.stat")
			var n int
			for line := range strings.Lines(out) {
				if _, err := fmt.Sscanf(line, "nr_throttled %d", &n); err == nil {
					return n > 0, out
				}
			}
			return false, out
		}
	}
	m.MustRun(t, "systemd-run", "--unit=free", "-p", "CPUAccounting=yes", "sh", "-c", "while :; do :; done")
	m.MustRun(t, "systemd-run", "--unit=tight", "-p", "CPUQuota=20%", "sh", "-c", "while :; do :; done")
	until(t, "the unit is throttled", throttled("tight.service"))
	if yes, state := throttled("free.service")(); yes {
		t.Errorf("the unit without a quota is throttled too: %s", state)
	}
}
