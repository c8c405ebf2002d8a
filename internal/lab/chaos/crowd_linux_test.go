package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// clients is how many ask at once.
const clients = 100

// tally counts how requests ended. All of them are in one of its counts.
type tally struct {
	// asked are all requests. alone got the text that they get alone, parted another text though nothing was lost: one of
	// those whose text hangs on how sums come out.
	asked, alone, parted int
	// wrong got another text than their certain one, lost none or half of one, refused a 429 or 503 with Retry-After.
	wrong, lost, refused int
	// left were given up by the client. cut were streams that had begun when the front died, or when there was no model to
	// go on with.
	left, cut int
	// again counts requests that had nothing of an answer when the connection broke, or were refused, and asked again.
	again int
}

// String is a row of the table of figures.
func (t tally) String() string {
	return fmt.Sprintf("%d asked, %d as alone, %d parted, %d left by the client, %d refused, %d cut off, %d asked again, %d wrong, %d lost",
		t.asked, t.alone, t.parted, t.left, t.refused, t.cut, t.again, t.wrong, t.lost)
}

// crowd is many clients that ask one question after the other.
type crowd struct {
	t      *testing.T
	server *serving.Server
	known  []known
	client *http.Client
	// frontDies says that connections may break; then a client whose answer had not begun asks again, as one that is told
	// to try again later does.
	frontDies bool
	// modelGoes says that there may be no engine: then a stream that had begun ends with the reason.
	modelGoes bool
	// meets, if not nil, is told of each refusal.
	meets func(*answer)

	// progress counts pieces of streams, and answers in one piece.
	progress atomic.Int64
	ending   atomic.Bool
	all      sync.WaitGroup
	mu       sync.Mutex
	tally    tally
}

// gather makes a crowd of the sorts of clients that there are.
func gather(t *testing.T, s *serving.Server) *crowd {
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	c := &crowd{t: t, server: s, known: catalogue(t), client: &http.Client{Transport: transport}}
	t.Cleanup(func() { // also of a test that failed, and while there is a server yet
		c.ending.Store(true)
		c.all.Wait()
	})
	return c
}

// come has so many clients ask until the crowd disperses.
func (c *crowd) come(n int) {
	for i := range n {
		c.all.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(i), 11))
			for !c.ending.Load() {
				c.one(chance)
			}
		})
	}
}

// disperse has every client end when it has its answer, and returns what came of all requests. It fails the test where one
// was lost or wrong, or was refused without being told when to come again.
func (c *crowd) disperse() tally {
	c.t.Helper()
	c.ending.Store(true)
	c.all.Wait()
	t := c.tally
	if t.lost != 0 || t.wrong != 0 {
		c.t.Errorf("%d requests are lost, %d have the wrong text", t.lost, t.wrong)
	}
	if t.asked != t.alone+t.parted+t.wrong+t.lost+t.refused+t.left+t.cut {
		c.t.Errorf("some requests are not accounted for: %v", t)
	}
	if t.alone == 0 || t.parted*50 > t.alone {
		c.t.Errorf("%d texts part from what they are alone, and %d do not", t.parted, t.alone)
	}
	return t
}

// count changes the tally.
func (c *crowd) count(f func(*tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.tally)
}

// one asks one question and counts what comes of it.
func (c *crowd) one(chance *rand.Rand) {
	k := &c.known[chance.IntN(len(c.known))]
	a := k.ask
	a.stream = chance.IntN(2) == 0
	ctx, leave := context.WithCancel(context.Background()) // the test's own end would look like a client's
	defer leave()
	piece := func() { c.progress.Add(1) }
	leaves := chance.IntN(10) == 0
	if leaves {
		piece = c.leaver(ctx, a.stream, 1+chance.IntN(20), leave)
	}
	c.count(func(t *tally) { t.asked++ })
	for {
		got := a.do(ctx, c.client, c.server.URL, piece)
		if ctx.Err() != nil {
			c.count(func(t *tally) { t.left++ })
			return
		}
		if !c.judge(k, &got) {
			return
		}
		c.count(func(t *tally) { t.again++ })
		time.Sleep(20 * time.Millisecond) // Retry-After is seconds, which a test need not wait
	}
}

// leaver returns what counts pieces and leaves after so many. A client that is to get its answer in one piece leaves when
// others have got so many.
func (c *crowd) leaver(ctx context.Context, stream bool, after int, leave func()) func() {
	if !stream {
		at := c.progress.Load() + int64(after)
		c.all.Go(func() {
			for c.progress.Load() < at && ctx.Err() == nil && !c.ending.Load() {
				time.Sleep(time.Millisecond)
			}
			leave()
		})
	}
	return func() {
		c.progress.Add(1)
		if after--; after == 0 {
			leave()
		}
	}
}

// judge counts an answer, and reports whether the client asks again.
func (c *crowd) judge(k *known, a *answer) (again bool) {
	refused, properly := a.refused()
	broken := a.err != nil || a.code == "ending" && !a.whole
	switch {
	case a.whole && a.said == "" && a.text == k.alone:
		c.progress.Add(1)
		c.count(func(t *tally) { t.alone++ })
	case a.whole && a.said == "" && !k.exact:
		c.count(func(t *tally) { t.parted++ })
	case a.whole && a.said == "":
		c.t.Errorf("%s: %q, alone %q", k.key(), a.text, k.alone)
		c.count(func(t *tally) { t.wrong++ })
	case refused && !properly:
		c.t.Errorf("refused without a reason or a time: %v, %v", a.header, a)
		c.count(func(t *tally) { t.lost++ })
	case c.frontDies && (refused || broken && a.pieces == 0):
		return true
	case refused:
		c.count(func(t *tally) { t.refused++ })
		if c.meets != nil {
			c.meets(a)
		}
		time.Sleep(100 * time.Millisecond) // Retry-After is seconds, which a test need not wait
	case c.modelGoes && a.pieces > 0 && a.code == "engine_unavailable":
		c.count(func(t *tally) { t.cut++ })
	case c.frontDies && broken:
		c.count(func(t *tally) { t.cut++ })
	default:
		c.t.Errorf("%s: %v", k.key(), a)
		c.count(func(t *tally) { t.lost++ })
	}
	return false
}

// busy waits until so much more has come, so that whatever befalls the server befalls it at work.
func (c *crowd) busy(more int64) {
	c.t.Helper()
	at := c.progress.Load() + more
	serving.Eventually(c.t, fmt.Sprintf("%d more pieces came", more), func() bool { return c.progress.Load() >= at })
}

// healthy asks one question alone, after what befell the server.
func (c *crowd) healthy() error {
	k := &c.known[0]
	a := k.do(c.t.Context(), c.client, c.server.URL, nil)
	if a.text != k.alone {
		return errors.New(a.String())
	}
	return nil
}
