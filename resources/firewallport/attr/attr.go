// Package attr walks over netlink attributes, of which everything that nf_tables tells is made: a length and a type of
// two bytes each in the machine's order, and a value, padded to four bytes (struct nlattr of linux/netlink.h).
package attr

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	header = 4
	// typeMask takes NLA_F_NESTED and NLA_F_NET_BYTEORDER from a type.
	typeMask = 0x3fff
)

// ErrShort says that bytes end within an attribute.
var ErrShort = errors.New("netlink attributes end too early")

// Each calls f with each attribute of b in order, until f fails. Values are parts of b.
func Each(b []byte, f func(kind uint16, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < header {
			return ErrShort
		}
		n := int(binary.NativeEndian.Uint16(b))
		if n < header || n > len(b) {
			return ErrShort
		}
		if err := f(binary.NativeEndian.Uint16(b[2:])&typeMask, b[header:n:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// Map returns the attributes of b by type; of a type that comes twice the last.
func Map(b []byte) (map[uint16][]byte, error) {
	m := map[uint16][]byte{}
	err := Each(b, func(kind uint16, value []byte) error {
		m[kind] = value
		return nil
	})
	return m, err
}

// String is the text before the first NUL.
func String(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// Uint32 is a number as nf_tables sends it: four bytes, the highest first.
func Uint32(b []byte) (uint32, error) {
	if len(b) != 4 {
		return 0, fmt.Errorf("a number of %d bytes: %w", len(b), ErrShort)
	}
	return binary.BigEndian.Uint32(b), nil
}

// Uint64 is a number of eight bytes, the highest first.
func Uint64(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("a number of %d bytes: %w", len(b), ErrShort)
	}
	return binary.BigEndian.Uint64(b), nil
}
