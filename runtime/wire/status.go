package wire

import "time"

// Status is what is known of the engine behind a front.
type Status struct {
	// Hello is what the engine said of itself, nil while there is none. Loading is how far it is with its model, nil
	// when that is done or has not begun. Ready is nil until it has generated a token.
	Hello   *Hello
	Loading *Loading
	Ready   *Ready
	// Why says, in words, why it is not ready.
	Why string
	// Since is when that began: when it became ready, or when it was lost or started.
	Since time.Time
	// State are its numbers as it last said them.
	State State
	// Exits counts engines that were lost, by reason; Replayed and Continued count requests that went on in another
	// engine, without and with something sent; Quarantined counts those that were given up because engines died of them.
	Exits                            map[string]uint64
	Replayed, Continued, Quarantined uint64
}

// UnavailableError says that no engine can take a request now.
type UnavailableError struct {
	Reason string
	// RetryAfter is when it may be tried again.
	RetryAfter time.Duration
}

func (e *UnavailableError) Error() string { return e.Reason }
