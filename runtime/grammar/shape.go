package grammar

import (
	"cmp"
	"encoding/binary"
	"math/big"
	"slices"
)

// types is a set of JSON types. Numbers are two: whole ones and the others.
type types uint8

const (
	tNull types = 1 << iota
	tBool
	tInteger
	tFraction
	tString
	tArray
	tObject

	tNumber = tInteger | tFraction
	tAll    = tNull | tBool | tNumber | tString | tArray | tObject
)

// shape is a schema without alternatives: a value has to be all that it says. Schemas that have to hold at once become
// one shape by merge.
type shape struct {
	// nodes are the schemas that it was made of, by number, sorted: equal ones make equal shapes.
	nodes []int
	types types
	// enum are the only values, where isEnum.
	enum   []*value
	isEnum bool

	minLength, maxLength int // of strings; -1 is none
	patterns, formats    []string

	low, high *bound // of numbers

	minItems, maxItems int // maxItems -1 is none
	arrays             []arrayPart

	objects  []objectPart
	required []string
}

// bound is a limit of numbers, which strict excludes.
type bound struct {
	at     *big.Rat
	strict bool
}

// arrayPart is what one schema says of an array's items. rest is nil where it says nothing.
type arrayPart struct {
	prefix []*node
	rest   *node
}

// objectPart is what one schema says of an object's members. rest is nil where it says nothing.
type objectPart struct {
	names []string
	props map[string]*node
	rest  *node
}

func newShape() *shape {
	return &shape{types: tAll, maxLength: -1, maxItems: -1}
}

// isTop reports whether it says nothing at all.
func (s *shape) isTop() bool {
	return s.types == tAll && !s.isEnum && s.minLength == 0 && s.maxLength < 0 && len(s.patterns)+len(s.formats) == 0 && s.low == nil &&
		s.high == nil && s.minItems == 0 && s.maxItems < 0 && len(s.arrays) == 0 && len(s.objects) == 0 && len(s.required) == 0
}

// key is equal for equal shapes.
func (s *shape) key() string {
	var b []byte
	for _, n := range s.nodes {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return string(b)
}

// merge is what both say.
func merge(a, b *shape) *shape {
	if len(b.nodes) == 0 {
		return a
	}
	if len(a.nodes) == 0 {
		return b
	}
	return &shape{
		nodes:     sortedSet(a.nodes, b.nodes),
		types:     a.types & b.types,
		isEnum:    a.isEnum || b.isEnum,
		enum:      common(a, b),
		minLength: max(a.minLength, b.minLength),
		maxLength: lesser(a.maxLength, b.maxLength),
		patterns:  sortedSet(a.patterns, b.patterns),
		formats:   sortedSet(a.formats, b.formats),
		low:       tighter(a.low, b.low, 1),
		high:      tighter(a.high, b.high, -1),
		minItems:  max(a.minItems, b.minItems),
		maxItems:  lesser(a.maxItems, b.maxItems),
		arrays:    slices.Concat(a.arrays, b.arrays),
		objects:   slices.Concat(a.objects, b.objects),
		required:  slices.Concat(a.required, b.required),
	}
}

// common are the values that both allow.
func common(a, b *shape) []*value {
	if !a.isEnum {
		return b.enum
	}
	if !b.isEnum {
		return a.enum
	}
	in := map[string]bool{}
	for _, v := range b.enum {
		in[v.same()] = true
	}
	var out []*value
	for _, v := range a.enum {
		if in[v.same()] {
			out = append(out, v)
		}
	}
	return out
}

func sortedSet[T cmp.Ordered](a, b []T) []T {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// lesser is the smaller of two where -1 is none.
func lesser(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// tighter is the bound that leaves less; sign is 1 for lower ones and -1 for upper ones.
func tighter(a, b *bound, sign int) *bound {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	switch c := a.at.Cmp(b.at) * sign; {
	case c > 0, c == 0 && a.strict:
		return a
	}
	return b
}
