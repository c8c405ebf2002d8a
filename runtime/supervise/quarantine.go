package supervise

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// How many requests are remembered that engines died of, and how long.
const (
	quarantineSize = 64
	quarantineTime = 10 * time.Minute
)

// quarantine remembers what engines died of, so that a client which tries again does no more harm.
type quarantine struct {
	since map[[sha256.Size]byte]time.Time
}

// digest is what a request asks, whoever asks it and whatever is drawn.
func digest(r *wire.Request) [sha256.Size]byte {
	same := *r
	same.ID, same.Generated, same.Replayed, same.Sampling.Seed = 0, nil, false, 0
	b, err := json.Marshal(&same)
	if err != nil {
		return [sha256.Size]byte{} // it cannot be sent to an engine either
	}
	return sha256.Sum256(b)
}

func (k *quarantine) add(r *wire.Request) {
	if k.since == nil {
		k.since = map[[sha256.Size]byte]time.Time{}
	}
	k.prune()
	k.since[digest(r)] = time.Now()
}

// prune forgets what is old, and the oldest where there are too many.
func (k *quarantine) prune() {
	var oldest [sha256.Size]byte
	at := time.Now()
	for d, since := range k.since {
		if time.Since(since) > quarantineTime {
			delete(k.since, d)
		} else if since.Before(at) {
			oldest, at = d, since
		}
	}
	if len(k.since) >= quarantineSize {
		delete(k.since, oldest)
	}
}

func (k *quarantine) has(r *wire.Request) bool {
	if len(k.since) == 0 {
		return false
	}
	since, ok := k.since[digest(r)]
	return ok && time.Since(since) < quarantineTime
}

func condemned() error {
	return &wire.Refused{Code: wire.Internal, Reason: "the engine died of this request twice: it is not tried again for ten minutes"}
}
