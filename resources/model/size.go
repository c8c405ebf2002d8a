package model

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/human"
)

// span is what a size that was said allows, in bytes: "4.1GiB" is anything that rounds to it. The zero
// value is a size that was not said.
type span struct{ min, max int64 }

func (s span) known() bool { return s.max > 0 }

// exact returns the size where it was said to the byte, -1 elsewhere.
func (s span) exact() int64 {
	if s.known() && s.min == s.max {
		return s.min
	}
	return -1
}

func (s span) holds(n int64) bool { return !s.known() || s.min <= n && n <= s.max }

// about is the middle of it, for what is told ahead.
func (s span) about() int64 { return s.min + (s.max-s.min)/2 }

func (s span) String() string {
	if s.min == s.max {
		return fmt.Sprintf("%d bytes", s.min)
	}
	return fmt.Sprintf("%s (%d to %d bytes)", human.Bytes(s.about()), s.min, s.max)
}

var sizeForm = regexp.MustCompile(`^([0-9]+)(?:\.([0-9]+))?\s*([A-Za-z]*)$`)

// units are those of a size in bytes, by their names in small letters.
var units = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// parseSize reads a size. "" is one that was not said.
func parseSize(s string) (span, error) {
	if s == "" {
		return span{}, nil
	}
	m := sizeForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return span{}, fmt.Errorf(`%q is no size: write a number of bytes, or one with a unit as in "4.1GiB"`, s)
	}
	unit, ok := units[strings.ToLower(m[3])]
	if !ok {
		return span{}, fmt.Errorf(`%q has no unit of bytes: they are KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024)`, s)
	}
	if m[2] != "" && unit == 1 {
		return span{}, fmt.Errorf("%q is no whole number of bytes", s)
	}
	return spanOf(s, m[1]+m[2], len(m[2]), unit)
}

// spanOf is digits, of which the last decimals stand behind the point, times unit.
func spanOf(s, digits string, decimals int, unit int64) (span, error) {
	n, _ := new(big.Int).SetString(digits, 10)
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	// Half a unit of the last digit, to both sides: (2n ± 1) × unit / (2 × scale).
	bound := func(by int64) *big.Int {
		v := new(big.Int).Add(new(big.Int).Lsh(n, 1), big.NewInt(by))
		v.Mul(v, big.NewInt(unit))
		return v.Div(v, new(big.Int).Lsh(scale, 1))
	}
	low, high := bound(-1), bound(1)
	if unit == 1 {
		low, high = n, n
	}
	if !high.IsInt64() || n.Sign() == 0 {
		return span{}, fmt.Errorf("%q is no size that a file has", s)
	}
	return span{max(low.Int64(), 1), high.Int64()}, nil
}
