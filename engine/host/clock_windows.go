package host

import "time"

// Monotonic is 0: no service manager of Windows tells times on such a clock.
func Monotonic() time.Duration { return 0 }
