package crash

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// choice is one crash: after which event, and how many of each file's pending operations, those
// that no sync has kept, had reached the disk.
type choice struct {
	at      int
	names   map[*inode]int
	content map[*inode]fate
	meta    map[*inode]int
}

func (c choice) clone() choice {
	return choice{c.at, maps.Clone(c.names), maps.Clone(c.content), maps.Clone(c.meta)}
}

// fate is what became of a file's pending writes.
type fate struct {
	keep int // so many arrived,
	skip int // but not the one with this number, from 1;
	last damage
	cut  int // how much of the last one's data is right
}

// damage is what happened to the last write that arrived.
type damage string

const (
	whole  damage = ""
	zeroed damage = "zeros" // its length arrived, its data did not
	short  damage = "cut"   // the file ends within it
	torn   damage = "torn"  // data at first and then zeros
)

// pending is what is not durable after an event.
type pending struct {
	at      int
	names   []undone
	content []undone
	meta    []undone
	order   []*entryOp // the changes of names over all directories, oldest first
	of      map[*entryOp]*inode
}

// undone is a file with so many pending operations of one sort.
type undone struct {
	file *inode
	n    int
}

// lasting splits the operations that have happened by a crash: so many are durable, so many more not.
func lasting[O interface{ at(int) (bool, bool) }](ops []O, crash int) (kept, open int) {
	for _, o := range ops {
		switch happened, durable := o.at(crash); {
		case durable:
			kept++
		case happened:
			open++
		}
	}
	return kept, open
}

func (m *Model) pending(at int) pending {
	p := pending{at: at, of: map[*entryOp]*inode{}}
	for _, ino := range m.changed {
		if kept, n := lasting(ino.names, at); n > 0 {
			p.names = append(p.names, undone{ino, n})
			for _, o := range ino.names[kept : kept+n] {
				p.order, p.of[o] = append(p.order, o), ino
			}
		}
		if _, n := lasting(ino.content, at); n > 0 {
			p.content = append(p.content, undone{ino, n})
		}
		if _, n := lasting(ino.meta, at); n > 0 {
			p.meta = append(p.meta, undone{ino, n})
		}
	}
	slices.SortFunc(p.order, func(a, b *entryOp) int {
		if a.seq == b.seq && a.adds {
			return -1 // a move arrives first, then it leaves
		}
		if a.seq == b.seq && b.adds {
			return 1
		}
		return a.seq - b.seq
	})
	return p
}

// extreme loses all that is pending, or nothing.
func (p pending) extreme(keep bool) choice {
	c := choice{p.at, map[*inode]int{}, map[*inode]fate{}, map[*inode]int{}}
	if !keep {
		return c
	}
	for _, u := range p.names {
		c.names[u.file] = u.n
	}
	for _, u := range p.content {
		c.content[u.file] = fate{keep: u.n}
	}
	for _, u := range p.meta {
		c.meta[u.file] = u.n
	}
	return c
}

// systematic varies one file at a time, all others having lost everything or nothing, and cuts
// the order of all names at each place.
func (p pending) systematic() []choice {
	var list []choice
	for _, keep := range []bool{true, false} {
		c := p.extreme(keep)
		vary := func(set func(choice)) {
			v := c.clone()
			set(v)
			list = append(list, v)
		}
		for _, u := range p.content {
			for _, f := range fates(pendingContent(u.file, p.at)) {
				vary(func(v choice) { v.content[u.file] = f })
			}
		}
		for _, u := range p.names {
			for n := range u.n + 1 {
				vary(func(v choice) { v.names[u.file] = n })
			}
		}
		for _, u := range p.meta {
			for n := range u.n + 1 {
				vary(func(v choice) { v.meta[u.file] = n })
			}
		}
		for n := range p.order {
			vary(func(v choice) { p.prefix(v, n) })
		}
	}
	return list
}

// prefix keeps the n oldest changes of names, over all directories.
func (p pending) prefix(c choice, n int) {
	clear(c.names)
	for _, o := range p.order[:n] {
		c.names[p.of[o]]++
	}
}

// random decides for each file anew.
func (p pending) random(rng *rand.Rand) choice {
	c := p.extreme(false)
	for _, u := range p.names {
		c.names[u.file] = rng.IntN(u.n + 1)
	}
	for _, u := range p.meta {
		c.meta[u.file] = rng.IntN(u.n + 1)
	}
	for _, u := range p.content {
		ops := pendingContent(u.file, p.at)
		all := fates(ops)
		f := all[rng.IntN(len(all))]
		if f.last == short || f.last == torn {
			f.cut = 1 + rng.IntN(len(ops[f.keep-1].data)-1)
		}
		c.content[u.file] = f
	}
	return c
}

func pendingContent(ino *inode, at int) []*dataOp {
	kept, n := lasting(ino.content, at)
	return ino.content[kept : kept+n]
}

// fates are what may become of pending writes.
func fates(ops []*dataOp) []fate {
	list := []fate{{}}
	for i, o := range ops {
		keep := i + 1
		list = append(list, fate{keep: keep})
		if keep > 1 {
			list = append(list, fate{keep: keep, skip: 1})
		}
		if keep > 2 {
			list = append(list, fate{keep: keep, skip: keep - 1})
		}
		if !o.isWrite() {
			continue
		}
		list = append(list, fate{keep: keep, last: zeroed})
		size := len(o.data)
		for _, cut := range slices.Compact([]int{1, size / 2, size - 1}) {
			if cut > 0 && cut < size {
				list = append(list, fate{keep: keep, last: short, cut: cut}, fate{keep: keep, last: torn, cut: cut})
			}
		}
	}
	return list
}
