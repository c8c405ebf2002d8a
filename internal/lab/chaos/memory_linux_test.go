package chaos_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sample is how much the two processes hold at a moment.
type sample struct {
	front, engine int // KiB of memory that is resident
	goroutines    int // of the front's
}

// look takes a sample.
func (c *crowd) look(frontPID, enginePID int) (s sample, err error) {
	if s.front, err = resident(frontPID); err != nil {
		return s, err
	}
	if s.engine, err = resident(enginePID); err != nil {
		return s, err
	}
	m, err := metrics(c.client, c.server.URL)
	s.goroutines = int(m["go_goroutines"])
	if err == nil && s.goroutines == 0 {
		err = fmt.Errorf("/metrics does not say how many goroutines there are")
	}
	return s, err
}

// resident returns VmRSS of /proc/PID/status (proc(5)), in KiB.
func resident(pid int) (int, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}

// thirds returns the medians of the first and the last third.
func thirds(all []sample) (first, last sample) {
	n := len(all) / 3
	return middle(all[:n]), middle(all[len(all)-n:])
}

func middle(all []sample) sample {
	of := func(value func(sample) int) int {
		sorted := slices.SortedFunc(slices.Values(all), func(a, b sample) int { return cmp.Compare(value(a), value(b)) })
		return value(sorted[len(sorted)/2])
	}
	return sample{
		front:      of(func(s sample) int { return s.front }),
		engine:     of(func(s sample) int { return s.engine }),
		goroutines: of(func(s sample) int { return s.goroutines }),
	}
}
