package reach

import "bytes"

// tri is the answer to a question about bits of which some may be unknown.
type tri uint8

const (
	no tri = iota
	yes
	maybe
)

func (t tri) not() tri {
	switch t {
	case no:
		return yes
	case yes:
		return no
	}
	return maybe
}

// and is yes if both are, and no if either is.
func (t tri) and(u tri) tri {
	switch {
	case t == no || u == no:
		return no
	case t == yes && u == yes:
		return yes
	}
	return maybe
}

func (t tri) or(u tri) tri { return t.not().and(u.not()).not() }

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// bits are bytes of which only those bits are known that are set in known; the others of val are 0.
type bits struct{ val, known []byte }

func knownBits(b []byte) bits { return bits{b, bytes.Repeat([]byte{0xff}, len(b))} }

func unknownBits(n int) bits { return bits{make([]byte, n), make([]byte, n)} }

func (b bits) len() int { return len(b.val) }

func (b bits) slice(from, to int) bits { return bits{b.val[from:to], b.known[from:to]} }

func (b bits) clone() bits { return bits{bytes.Clone(b.val), bytes.Clone(b.known)} }

// certain reports whether every bit is known.
func (b bits) certain() bool {
	for _, k := range b.known {
		if k != 0xff {
			return false
		}
	}
	return true
}

// most is the largest value that b may have; the least is b.val itself.
func (b bits) most() []byte {
	out := make([]byte, len(b.val))
	for i := range out {
		out[i] = b.val[i] | ^b.known[i]
	}
	return out
}

// equals asks whether b is data, as far as data goes.
func (b bits) equals(data []byte) tri {
	out := yes
	for i, d := range data {
		if (b.val[i]^d)&b.known[i] != 0 {
			return no
		}
		if b.known[i] != 0xff {
			out = maybe
		}
	}
	return out
}

// within asks whether b lies between two values of its length, both included, the highest byte first.
func (b bits) within(from, to []byte) tri {
	if b.certain() {
		return truth(bytes.Compare(b.val, from) >= 0 && bytes.Compare(b.val, to) <= 0)
	}
	most := b.most()
	switch {
	case bytes.Compare(b.val, from) >= 0 && bytes.Compare(most, to) <= 0:
		return yes
	case bytes.Compare(most, from) < 0 || bytes.Compare(b.val, to) > 0:
		return no
	case bytes.Equal(from, to):
		return b.equals(from)
	}
	// Where both ends begin alike, so must whatever lies between them.
	n := 0
	for n < len(from) && n < len(to) && from[n] == to[n] {
		n++
	}
	if b.slice(0, n).equals(from[:n]) == no {
		return no
	}
	return maybe
}

// join leaves only those bits known that both know, and alike.
func (b bits) join(o bits) {
	for i := range b.val {
		b.known[i] &= o.known[i] &^ (b.val[i] ^ o.val[i])
		b.val[i] &= b.known[i]
	}
}

// word is a number of 32 bits of which some may be unknown.
type word struct{ val, known uint32 }

func knownWord(v uint32) word { return word{v, ^uint32(0)} }

func (w word) and(mask uint32) word { return word{w.val & mask, w.known | ^mask} }

func (w word) xor(o word) word {
	k := w.known & o.known
	return word{(w.val ^ o.val) & k, k}
}

// is asks whether w is a value.
func (w word) is(v uint32) tri {
	switch {
	case (w.val^v)&w.known != 0:
		return no
	case w.known == ^uint32(0):
		return yes
	}
	return maybe
}

func (w word) join(o word) word {
	k := w.known & o.known &^ (w.val ^ o.val)
	return word{w.val & k, k}
}
