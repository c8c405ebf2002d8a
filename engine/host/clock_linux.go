package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// Monotonic is the time since this boot without that of being suspended (CLOCK_MONOTONIC), by which
// systemd tells when a unit became active. It is 0 where there is no such clock.
func Monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
