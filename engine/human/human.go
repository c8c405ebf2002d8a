// Package human says amounts as people read them.
package human

import (
	"fmt"
	"math"
	"time"
)

// Bytes says a number of bytes with the two or three digits that people read: "4.1 GiB".
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	v, u := float64(n), 0
	for ; math.Abs(v) >= 1023.5 && u < len(units)-1; u++ {
		v /= 1024
	}
	if u == 0 || math.Abs(v) >= 9.95 {
		return fmt.Sprintf("%.0f %s", v, units[u])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

// About says how long something takes, as closely as anybody can tell that ahead.
func About(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "a second"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(math.Round(d.Seconds())))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(math.Round(d.Minutes())))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(math.Round(d.Hours())))
	}
	return fmt.Sprintf("%d days", int(math.Round(d.Hours()/24)))
}
