package fetch

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// candidate is a source and how it did.
type candidate struct {
	Source
	name string
	// version is the last that it sent.
	version string
	// sent counts the bytes that were kept.
	sent atomic.Int64
	// again is how often the bytes of another version were thrown away.
	again int
	// err is why it had no success, out whether it need not be asked again.
	err  error
	out  bool
	busy time.Time // when it may be asked again
}

// candidates names the sources. Of two with one name the second is told apart by its number.
func candidates(sources []Source) []*candidate {
	var out []*candidate
	names := map[string]int{}
	for _, s := range sources {
		c := &candidate{Source: s, name: s.String()}
		if names[c.name]++; names[c.name] > 1 {
			c.name = fmt.Sprintf("%s (%d)", c.name, names[c.name])
		}
		out = append(out, c)
	}
	return out
}

// knownWrong refuses what turned out to be another file before.
func (c *candidate) knownWrong(body *Body, wrong []wrongFile, want [32]byte) error {
	for _, w := range wrong {
		got, err := hex.DecodeString(w.SHA256)
		if w.Source == c.name && w.Version == body.Version && body.Version != "" && err == nil && len(got) == len(want) {
			return &WrongDigestError{Source: c.name, Want: want, Got: [32]byte(got), Kept: w.Path}
		}
	}
	return nil
}

// failed remembers why a turn ended.
func (c *candidate) failed(err error, now time.Time) {
	var refused *RefusedError
	var wrong *WrongDigestError
	var busy *BusyError
	again := errors.As(c.err, &busy) // it was waited for already
	c.err = err
	c.out = errors.As(err, &refused) || errors.As(err, &wrong)
	c.busy = time.Time{}
	if errors.As(err, &busy) && !again {
		c.busy = now.Add(min(busy.After, patience))
	}
}

// next is the source whose turn it is: that whose bytes are here where no other's may be, else in order, and those
// that were busy when all others have failed.
func next(all []*candidate, pure string) *candidate {
	var first *candidate
	for _, c := range all {
		if c.err == nil && (first == nil || c.name == pure) {
			first = c
		}
	}
	if first != nil {
		return first
	}
	for _, c := range all {
		if !c.busy.IsZero() {
			return c
		}
	}
	return nil
}

// forgive gives another chance to all that were not refused for good.
func forgive(all []*candidate) {
	for _, c := range all {
		if !c.out {
			c.err, c.busy = nil, time.Time{}
		}
		c.again, c.version = 0, ""
	}
}
