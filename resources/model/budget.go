package model

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
)

// reserve is which part of a disk a model leaves free: what else the machine has to write must not fail for it.
const reserve = 20

// The rates that are assumed where nothing was measured yet, in bytes a second: that of a line of 100 Mbit/s, and
// that of a stick.
const (
	lineRate  = 100e6 / 8
	stickRate = 100e6
)

// Budget tells what the models of a plan take, in the order in which they are fetched.
func (resource) Budget(_ context.Context, v host.View, changes []*engine.Costed[Spec]) {
	b := &budget{view: v, free: map[uint64]int64{}}
	b.records, _ = record.All(v.Files) // only for a guess
	for _, c := range changes {
		if c.Want == nil {
			continue
		}
		err := b.change(c)
		if err != nil && !c.Want.optional() {
			c.Err, c.Cost = err, engine.Cost{}
		}
	}
}

// budget is what is left of each disk while the models of a plan come one after the other.
type budget struct {
	view    host.View
	free    map[uint64]int64
	records []record.Record
}

func (b *budget) change(c *engine.Costed[Spec]) error {
	lacks := lacking(c.Have, c.Want)
	if len(lacks) == 0 {
		return nil
	}
	space, err := b.view.Files.Space(c.Want.Path)
	if err != nil {
		return err
	}
	if _, known := b.free[space.Dev]; !known {
		b.free[space.Dev] = space.Free
	}
	t := &taking{}
	for _, f := range lacks {
		if err := t.add(b.view, f, f.path, c.Have.at(f.path)); err != nil {
			return err
		}
	}
	free := b.free[space.Dev]
	if t.known && free-t.more < space.Total/reserve {
		err := full(space, free, t.more)
		c.Cost = engine.Cost{Free: free, Left: free, Text: "is left out: " + err.Error()}
		return err
	}
	left := free - t.more + t.replaced
	b.free[space.Dev] = left
	c.Cost = engine.Cost{Fetch: t.fetch, Free: free, Left: left, Text: "fetch from " + t.from(c.Want, lacks) + ": how much, nobody says; add size"}
	if t.known {
		rate, guess := b.rate(c.Want, lacks)
		c.Cost.Seconds = float64(t.fetch) / rate
		c.Cost.Text = t.text(c.Want, lacks, c.Cost) + guess
	}
	return nil
}

// taking is what the files of one model take.
type taking struct {
	known    bool  // how much it is
	fetch    int64 // bytes to come
	more     int64 // bytes that the disk has to give, until all are in their place
	replaced int64 // bytes that are free again then
}

// add counts f, which is for the path to and takes the place of is.
func (t *taking) add(v host.View, f file, to string, is *found) error {
	if !f.size.known() {
		return nil
	}
	there, err := fetch.Status(v.Files, fetch.Want{SHA256: sumOf(f), Unverified: f.sha256 == "", For: to})
	if err != nil {
		return err
	}
	t.known = true
	t.fetch += max(f.size.about()-there.Have, 0)
	t.more += max(f.size.about()-there.Have, 0)
	if is != nil && is.info.Links == 1 {
		t.replaced += is.Size
	}
	return nil
}

// sumOf is the digest of f, zeros where it has none.
func sumOf(f file) [32]byte {
	sum, err := digestOf(f.sha256)
	if err != nil {
		return [32]byte{} // Validate refuses it
	}
	return sum
}

func (t *taking) text(s *Spec, lacks []file, c engine.Cost) string {
	text := fmt.Sprintf("fetch %s from %s, disk %s → %s free", engine.Bytes(t.fetch), t.from(s, lacks), engine.Bytes(c.Free), engine.Bytes(c.Left))
	return text + ", about " + engine.About(time.Duration(c.Seconds*float64(time.Second)))
}

// from is where a model comes from first.
func (t *taking) from(s *Spec, lacks []file) string {
	for _, o := range s.offers {
		if source, ok := o.Source(sumOf(lacks[0])); ok {
			return source.String()
		}
	}
	if len(lacks[0].sources) == 0 {
		return "nowhere"
	}
	return hostOf(lacks[0].sources[0])
}

// rate is how fast the same host sent last time, or else a guess that says so.
func (b *budget) rate(s *Spec, lacks []file) (perSecond float64, guess string) {
	if len(lacks[0].sources) == 0 || len(s.offers) > 0 || strings.HasPrefix(lacks[0].sources[0], "file:") {
		return stickRate, " at 100 MB/s"
	}
	at, last := hostOf(lacks[0].sources[0]), time.Time{}
	for _, r := range b.records {
		if r.Seconds > 0 && r.Fetched > 0 && r.Verified.After(last) && hostOf(r.From) == at {
			perSecond, last = float64(r.Fetched)/r.Seconds, r.Verified
		}
	}
	if perSecond == 0 {
		return lineRate, " at 100 Mbit/s"
	}
	return perSecond, ""
}

// room refuses to take so much of a disk that too little is left.
func room(v host.View, path string, more int64) error {
	space, err := v.Files.Space(path)
	if err != nil {
		return err
	}
	if space.Free-more < space.Total/reserve {
		return full(space, space.Free, more)
	}
	return nil
}

func full(s host.Space, free, more int64) error {
	return fmt.Errorf("no room: %s more are needed on the disk of %s, which has %s free, and a twentieth of it (%s) stays free: "+
		"remove something (agent0-converge models prune removes what is left of downloads), or choose a smaller model or another path",
		engine.Bytes(more), s.Dir, engine.Bytes(free), engine.Bytes(s.Total/reserve))
}
