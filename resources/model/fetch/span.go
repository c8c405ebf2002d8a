package fetch

import (
	"slices"
	"sort"
)

// span is the bytes of a file from from on and before to.
type span struct{ from, to int64 }

func (s span) size() int64 { return s.to - s.from }

// spans are in order and do not touch each other.
type spans []span

// after is the index of the first span that ends behind off.
func (s spans) after(off int64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].to > off })
}

// end is where what begins at off or before it and holds the byte at off ends; off where that byte is not in s.
func (s spans) end(off int64) int64 {
	if i := s.after(off); i < len(s) && s[i].from <= off {
		return s[i].to
	}
	return off
}

// next is where the first span begins that begins at off or behind it, limit at most.
func (s spans) next(off, limit int64) int64 {
	i := sort.Search(len(s), func(i int) bool { return s[i].from >= off })
	if i < len(s) {
		return min(limit, s[i].from)
	}
	return limit
}

func (s *spans) add(n span) {
	if n.size() <= 0 {
		return
	}
	i := sort.Search(len(*s), func(i int) bool { return (*s)[i].to >= n.from })
	j := i
	for ; j < len(*s) && (*s)[j].from <= n.to; j++ {
		n.from, n.to = min(n.from, (*s)[j].from), max(n.to, (*s)[j].to)
	}
	*s = slices.Replace(*s, i, j, n)
}

func (s *spans) cut(n span) {
	var out spans
	for _, have := range *s {
		out.add(span{have.from, min(have.to, n.from)})
		out.add(span{max(have.from, n.to), have.to})
	}
	*s = out
}

// total is how many bytes are in s.
func (s spans) total() (n int64) {
	for _, have := range s {
		n += have.size()
	}
	return n
}
