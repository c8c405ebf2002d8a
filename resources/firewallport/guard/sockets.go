package guard

import "time"

// connection is a TCP socket of this host.
type connection struct {
	session
	state uint8
	inode uint32
	// answer is when the other end last acknowledged something, on the monotonic clock, told to some milliseconds;
	// answered is false where that is not known.
	answer   time.Duration
	answered bool
}

// The states of a TCP socket (include/net/tcp_states.h) that matter.
const (
	stateEstablished uint8 = 1
	stateSynReceived uint8 = 3
	listening        uint8 = 10
	stateNewReceived uint8 = 12
)

func (c connection) established() bool { return c.state == stateEstablished }
