package model

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/human"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
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
	records, err := record.All(v.Files)
	if errors.Is(err, fs.ErrPermission) {
		err = nil // they are for a guess, which others than root make without them
	}
	b := &budget{view: v, free: map[uint64]int64{}, records: records}
	for _, c := range changes {
		if c.Want == nil {
			continue
		}
		err := errors.Join(err, b.change(c))
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
	if err := room(space, free, t.more); t.known && err != nil {
		c.Cost = engine.Cost{Free: free, Left: free, Text: "is left out: " + err.Error()}
		return err
	}
	left := free - t.more + t.replaced
	b.free[space.Dev] = left
	from, disk := lacks[0].from(c.Want.offers)
	c.Cost = engine.Cost{Fetch: t.fetch, Free: free, Left: left, Text: "fetch from " + from + ": how much, nobody says; add size"}
	if t.known {
		rate, guess := b.rate(from, disk)
		c.Cost.Seconds = float64(t.fetch) / rate
		c.Cost.Text = fmt.Sprintf("fetch %s from %s, disk %s → %s free, about %s%s", human.Bytes(t.fetch), from,
			human.Bytes(free), human.Bytes(left), human.About(time.Duration(c.Cost.Seconds*float64(time.Second))), guess)
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
	t.more += max(f.size.about()-there.Allocated, 0)
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

// rate is how fast the same host sent last time, or else a guess that says so.
func (b *budget) rate(from string, disk bool) (perSecond float64, guess string) {
	if disk {
		return stickRate, " at 100 MB/s"
	}
	last := time.Time{}
	for _, r := range b.records {
		if r.Seconds > 0 && r.Fetched > 0 && r.Verified.After(last) && source.Host(r.From) == from {
			perSecond, last = float64(r.Fetched)/r.Seconds, r.Verified
		}
	}
	if perSecond == 0 {
		return lineRate, " at 100 Mbit/s"
	}
	return perSecond, ""
}

// room refuses to take so much of a disk, of which so much is free, that too little is left.
func room(s host.Space, free, more int64) error {
	if free-more >= s.Total/reserve {
		return nil
	}
	return fmt.Errorf("no room: %s more are needed on the disk of %s, which has %s free, and a twentieth of it (%s) stays free: "+
		"remove something (agent0-converge models prune removes what is left of downloads), or choose a smaller model or another path",
		human.Bytes(more), s.Dir, human.Bytes(free), human.Bytes(s.Total/reserve))
}
