// Package journal keeps what runs do to a host, durably and before the host is touched, and
// from that the ledger of what is managed. Undo, recovery after a crash and history read it.
//
// All of it lies below Dir in the host's root, readable by root alone, and is written through
// host.Files like everything else:
//
//	lock            held by the run at work; says who that is
//	key             32 random bytes: secrets are recorded as HMACs under it
//	ledger          the state after run N, with one line about each run up to N
//	runs/000017     one run, append-only; a run that recorded nothing has no file
//	blobs/SHA256    content that was there before a change, where it is longer than 1 KiB;
//	                what is shorter is in the record itself
//	vault/000017/…  secret content that was there before, of the last two runs only
//	marks/000017    what became of changes that had to be confirmed; written without the lock
//
// A run's file starts with the line "agent0-converge journal 2". Each further line is one record:
// the CRC-32C of its JSON in hex, the JSON's length, the JSON. The records are run, then for each
// change begin, any number of calls (programs that were run) and end, or settle for a change of
// the ledger alone, and at last done. What begin, end and settle change in the ledger is written
// out in them, and from time to time how much of the file was durable by then. So the ledger is the snapshot and, folded into it, the files of later runs.
//
// Whatever a crash leaves is read as one of the states before or after a record: a begin is
// durable before the host is touched, a blob is durable before the begin that refers to it, and
// the snapshot is durable before the files that it stands for go away.
package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Dir is where the journal lies in the host's root.
const Dir = engine.StateDir

// Format is the newest format that this version reads, and the one that it writes.
const Format = 2

// Kinds finds a kind by its name.
type Kinds func(name string) (*engine.Kind, bool)

// Journal is what is known of earlier runs on one host. It is an engine.Ledger, and safe for use
// by several goroutines.
type Journal struct {
	tree  host.Tree
	kinds Kinds
	limit limits

	mu     sync.RWMutex
	state  state
	key    []byte // nil until it is read or needed
	onDisk bool   // the key is
	// texts are short contents of the records that were looked at, by reference.
	texts map[string]string
	// secrets are the values that no record may show, and pieces what of them would give them away.
	secrets map[string]bool
	pieces  []string
	sorted  bool
	// moments are when the runs of this boot changed what; nil until somebody asks.
	moments map[engine.Claim]Moment
}

var _ engine.Ledger = (*Journal)(nil)

// limits bound what is kept of old runs.
type limits struct {
	runs    int   // how many runs are kept in detail, and until the next folding a few more
	bytes   int64 // how much their files and contents may take
	brief   int   // how many more are kept as one line
	records int   // how many records are read at every start rather than folded into the snapshot
	tail    int   // and how many runs
}

func defaults() limits {
	return limits{runs: 20, bytes: 256 << 20, brief: 200, records: 128, tail: 4}
}

// Open reads the journal in tree and changes nothing. A host without one has an empty one.
func Open(tree host.Tree, kinds Kinds) (*Journal, error) {
	j := &Journal{
		tree: tree, kinds: kinds, limit: defaults(),
		texts: map[string]string{}, secrets: map[string]bool{},
	}
	if err := j.load(); err != nil {
		return nil, err
	}
	return j, nil
}

// load reads the key and the state.
func (j *Journal) load() error {
	s, err := readState(j.tree)
	if err != nil {
		return err
	}
	key, err := j.tree.ReadFile(keyPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot read the journal: %w", err)
	case len(key) != keySize:
		return &DamagedError{Path: keyPath, Offset: int64(len(key)), What: fmt.Sprintf("it is %d bytes long, not %d", len(key), keySize)}
	default:
		j.key, j.onDisk = key, true
	}
	j.state, j.moments = *s, nil
	return nil
}

// hostKey returns the key. Before the first run that records there is none: then one is made up,
// which that run will keep. Until then no record holds a reference to compare with, and within
// this process equal secrets have equal references and no others do.
func (j *Journal) hostKey() ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.key == nil {
		key := make([]byte, keySize)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("cannot make a key for secrets: %w", err)
		}
		j.key = key
	}
	return j.key, nil
}

// Lookup returns the head of the entry whose claims hold c.
func (j *Journal) Lookup(c engine.Claim) (engine.Head, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.ledger.head(c)
}

// Entry returns the whole entry whose claims hold c.
func (j *Journal) Entry(c engine.Claim) (engine.Entry, error) {
	k, err := j.kept(c)
	if err != nil {
		return engine.Entry{}, err
	}
	if k == nil {
		return engine.Entry{}, fmt.Errorf("cannot find %s in the ledger: nothing manages it", c)
	}
	return k.Entry, nil
}

// kept returns the entry whose claims hold c, or nil, and remembers its short contents.
func (j *Journal) kept(c engine.Claim) (*kept, error) {
	j.mu.RLock()
	k, err := j.state.ledger.entry(c)
	j.mu.RUnlock()
	if err == nil && k != nil {
		j.remember(k.Texts)
	}
	return k, err
}

// Owned lists the identities of what plan manages, in the order in which it came to.
func (j *Journal) Owned(plan string) []engine.Claim {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.ledger.owned(plan)
}

// OfKind lists the identities of all that is managed of a kind, in the order in which it came.
func (j *Journal) OfKind(name string) []engine.Claim {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.ledger.ofKind(name)
}

// Plans lists the plans that manage something, by name.
func (j *Journal) Plans() []string {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.ledger.plans()
}

// Keyed reports whether the host has a key, so that the references of secrets hold beyond this
// process.
func (j *Journal) Keyed() bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.onDisk
}
