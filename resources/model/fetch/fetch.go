package fetch

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Want is a file that is wanted.
type Want struct {
	// SHA256 is what the file is known by, all zero only where it is Unverified.
	SHA256 [32]byte
	// Unverified takes what the first source has that serves anything. All of it comes from one version of one source;
	// where a source tells no versions the size has to do.
	Unverified bool
	// For is the path that the file is for: it tells unverified files, which have nothing else, apart.
	For string
	// Size is how long the file is in bytes; 0 and -1 are not known.
	Size int64
	// Sources are where it may be got from, the best first.
	Sources []Source
	// Dir is the folder for the file while it is not complete.
	Dir string
	// First, where not nil, is asked about how what a source sends as the file begins: 512 bytes or more, fewer only
	// of a file that has no more. An error refuses the source.
	First func(prefix []byte) error
	// Fits, where not nil, is asked about how long the file is once a source said so. more is how much of that is
	// not here yet. An error refuses the source.
	Fits func(size, more int64) error
	// Room, where not nil, is asked whether there is room for so many more bytes before they are taken; what an earlier
	// run took is not asked for again. An error ends the fetch.
	Room func(more int64) error
	// Whole, where not nil, is asked about the file when it is complete and its SHA-256 is right.
	Whole func(r io.ReaderAt, size int64) error
}

// Fetcher gets files onto a host. The zero value of all but Host stands for what the field says.
type Fetcher struct {
	Host *host.Host
	// Segment is how many bytes are asked for at once, 32 MiB. No more than that is lost by a kill.
	Segment int64
	// Connections is how many segments are got at once at most, 4. It is one as long as that is fast enough.
	Connections int
	// Ahead is how many segments may be here beyond those that were hashed, 8.
	Ahead int
	// Block is how many bytes are written at once, 256 KiB.
	Block int
	// Stall is after what time without a byte a request is given up, 30 s.
	Stall time.Duration
	// Attempts is how often in a row a source may fail without sending anything new, 5.
	Attempts int
	// Tell, where not nil, is told how it goes, a few times a second and at the end, by one goroutine.
	Tell func(Progress)

	// sleep and jitter are the clock's and the dice's, for tests.
	sleep  func(context.Context, time.Duration) error
	jitter func() float64
	now    func() time.Time
	window time.Duration
}

// Progress is how far a fetch is.
type Progress struct {
	// Done of Size bytes are here. Size is -1 as long as nobody said it.
	Done, Size int64
	// Rate is in bytes a second, of the last seconds.
	Rate float64
	// Source is who sends.
	Source string
	// Note says what else there is to know, such as what is waited for.
	Note string
}

// Fetched is a file that is complete, was verified, and waits to be published.
type Fetched struct {
	// Partial is the file, open and locked.
	Partial *host.Partial
	SHA256  [32]byte
	Size    int64
	// Source is who sent most of it, "" where nothing had to be sent.
	Source string
	// Got is how many bytes were received by this call, those that were here already and came again included.
	Got int64
	// Resumed is how many bytes were here already.
	Resumed int64
	Took    time.Duration

	files *host.Files
	key   string
}

// Fetch gets a file, going on where an earlier call or process stopped. It returns it complete and verified. With an
// error, what is here stays for the next call; where no source had the file it is a *FailedError. Where another
// process, or another call, is fetching the same, Fetch waits for that until ctx ends. It returns the cause of ctx's end.
func (f *Fetcher) Fetch(ctx context.Context, w Want) (*Fetched, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	start := time.Now()
	all := f.withDefaults()
	j := &job{f: &all, w: w, key: keyOf(w), sources: candidates(w.Sources), tell: newTeller(f.Tell)}
	j.buffers.size = all.Block
	defer j.tell.start(j.progress)()
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	if err := j.run(ctx); err != nil {
		return nil, errors.Join(err, j.close())
	}
	if err := j.store.log.close(); err != nil {
		return nil, errors.Join(err, j.store.partial.Close())
	}
	return j.fetched(start), nil
}

func (w Want) check() error {
	switch {
	case w.Unverified && w.SHA256 != [32]byte{}:
		return errors.New("cannot fetch a file as unverified that has a SHA-256")
	case !w.Unverified && w.SHA256 == [32]byte{}:
		return errors.New("cannot fetch a file without its SHA-256: say it, or say that the file is unverified")
	case len(w.Sources) == 0:
		return errors.New("cannot fetch a file without a source")
	}
	return nil
}

func (f *Fetcher) withDefaults() Fetcher {
	all := *f
	all.Segment = cmp.Or(f.Segment, 32<<20)
	all.Connections = cmp.Or(f.Connections, 4)
	all.Ahead = cmp.Or(f.Ahead, 8)
	all.Block = cmp.Or(f.Block, 256<<10)
	all.Stall = cmp.Or(f.Stall, 30*time.Second)
	all.window = cmp.Or(f.window, window)
	all.Attempts = cmp.Or(f.Attempts, 5)
	if f.sleep == nil {
		all.sleep = sleep
	}
	if f.jitter == nil {
		all.jitter = rand.Float64
	}
	if f.now == nil {
		all.now = time.Now
	}
	return all
}
