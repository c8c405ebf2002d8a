package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/human"
)

// bars are the bars of what is under way, one below the other. They begin with the first of them.
type bars struct {
	out  io.Writer
	all  *mpb.Progress
	each map[engine.Addr]*bar
}

type bar struct {
	*mpb.Bar
	last atomic.Pointer[engine.Progress] // what is drawn from, by a goroutine of the bars'
}

// show moves a bar to where e is.
func (b *bars) show(e engine.Progress) {
	at := b.each[e.Addr]
	if at == nil {
		if e.Ended {
			return
		}
		at = b.add(e)
	}
	if e.Ended {
		b.end(at, e)
		return
	}
	at.last.Store(&e)
	if e.Total > 0 {
		at.SetTotal(e.Total, false)
	}
	at.SetCurrent(e.Done)
}

func (b *bars) add(e engine.Progress) *bar {
	if b.all == nil {
		b.all = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(48), mpb.WithAutoRefresh())
		b.each = map[engine.Addr]*bar{}
	}
	at := &bar{}
	at.last.Store(&e)
	at.Bar = b.all.AddBar(max(e.Total, 0),
		mpb.PrependDecorators(decor.Name(string(e.Addr)+" ", decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return at.text() })),
	)
	b.each[e.Addr] = at
	return at
}

// text is what stands beside a bar: how much, how fast and how long still.
func (b *bar) text() string {
	e := b.last.Load()
	s := " " + amount(e.Done, e.Total)
	if e.Rate > 0 {
		s += fmt.Sprintf("  %s/s", human.Bytes(int64(e.Rate)))
		if e.Total > e.Done {
			left := time.Duration(float64(e.Total-e.Done) / e.Rate * float64(time.Second))
			s += "  " + human.About(left) + " left"
		}
	}
	for _, more := range []string{e.From, e.Note} {
		if more != "" {
			s += "  " + visible(more)
		}
	}
	return s
}

func (b *bars) end(at *bar, e engine.Progress) {
	if e.Error != "" {
		at.Abort(false)
		return
	}
	at.SetTotal(-1, true) // wherever it is: it is done
}

// close waits until the last state is on the screen.
func (b *bars) close() {
	if b.all == nil {
		return
	}
	for _, at := range b.each {
		at.Abort(false)
	}
	b.all.Wait()
	b.all, b.each = nil, nil
}
