package accounts

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// RunsAs describes a process that runs as the user, "" for none. An image runs nothing.
func RunsAs(v host.View, uid int) (string, error) {
	return running(v, func(status map[string][]string) bool { return slices.Contains(status["Uid"], strconv.Itoa(uid)) })
}

// RunsIn describes a process that runs with the group, "" for none.
func RunsIn(v host.View, gid int) (string, error) {
	return running(v, func(status map[string][]string) bool {
		id := strconv.Itoa(gid)
		return slices.Contains(status["Gid"], id) || slices.Contains(status["Groups"], id)
	})
}

func running(v host.View, as func(status map[string][]string) bool) (string, error) {
	if v.Offline {
		return "", nil
	}
	pids, err := v.Files.ReadDir("/proc")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, pid := range pids {
		if number(pid) < 0 {
			continue
		}
		b, err := v.Files.ReadFile(path.Join("/proc", pid, "status"))
		if gone(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		if status := parseStatus(string(b)); as(status) && !slices.Contains(status["State"], "Z") {
			return described(v, pid, status), nil
		}
	}
	return "", nil
}

// gone reports that a process ended while it was looked at.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// parseStatus reads /proc/PID/status: a word, a colon and values.
func parseStatus(text string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		key, values, _ := strings.Cut(line, ":")
		out[key] = strings.Fields(values)
	}
	return out
}

func described(v host.View, pid string, status map[string][]string) string {
	text := fmt.Sprintf("process %s (%s)", pid, strings.Join(status["Name"], " "))
	if unit := unitOf(v, pid); unit != "" {
		text += " of " + unit
	}
	return text
}

// unitOf is the unit of the service manager in whose control group the process is.
func unitOf(v host.View, pid string) string {
	b, err := v.Files.ReadFile(path.Join("/proc", pid, "cgroup"))
	if err != nil {
		return "" // it only makes a message more telling
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.Split(strings.TrimSpace(line), "/")
		for _, part := range slices.Backward(parts) {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				return part
			}
		}
	}
	return ""
}
