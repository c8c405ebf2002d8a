package ladder

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Look returns the present.
func Look() (Now, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Now{}, err
	}
	asleep, err := Asleep()
	return Now{Boot: strings.TrimSpace(string(id)), Asleep: asleep, Time: time.Now()}, err
}

// Asleep returns how long the machine has been suspended since it was started: CLOCK_BOOTTIME goes on meanwhile, and
// CLOCK_MONOTONIC does not (clock_gettime(2)).
func Asleep() (time.Duration, error) {
	var boot, monotonic unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return time.Duration(boot.Nano() - monotonic.Nano()), nil
}
