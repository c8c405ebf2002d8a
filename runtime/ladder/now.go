package ladder

import "time"

// Now is a moment, as far as it decides whether what was found out about drivers still holds.
type Now struct {
	// Boot names the time since the machine was started.
	Boot string
	// Asleep is how long the machine has been suspended since then.
	Asleep time.Duration
	Time   time.Time
}

// noticed is how much longer the machine must have been suspended to have been suspended again: two clocks are read one after
// the other.
const noticed = time.Second

// Resumed reports whether the machine was suspended between two moments, by how long it had been until each.
func Resumed(before, now time.Duration) bool { return now-before >= noticed }
