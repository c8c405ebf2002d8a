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
	// Swap is the change to another engine that is under way, or that failed and was not tried again; else nil. Swaps counts
	// them by how they ended: "done", "failed", and "superseded" by a later one.
	Swap  *Swap
	Swaps map[string]uint64
	// Degraded says, in words, what is not as the configuration has it, besides what the engine says itself.
	Degraded []string
}

// States of a Swap.
const (
	SwapStarting = "starting" // the new engine has not generated a token yet
	SwapDraining = "draining" // the new engine serves, and the old one ends what it was computing
	SwapFailed   = "failed"   // the old engine goes on serving
)

// Swap tells of the change from one engine to another.
type Swap struct {
	// State is one of the above, and Why says it in words.
	State string `json:"state"`
	Why   string `json:"reason,omitempty"`
	// Since is when that began.
	Since time.Time `json:"since"`
	// PID is that of the new engine until it serves, then of the old one; Loading is how far the new one is with its model.
	PID     int      `json:"pid,omitempty"`
	Loading *Loading `json:"loading,omitempty"`
	// Left is how many requests the old engine still computes.
	Left int `json:"left,omitempty"`
}

// UnavailableError says that no engine can take a request now.
type UnavailableError struct {
	Reason string
	// RetryAfter is when it may be tried again.
	RetryAfter time.Duration
}

func (e *UnavailableError) Error() string { return e.Reason }
