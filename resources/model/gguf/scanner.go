package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// scanner reads a file in order and knows where in it it is.
type scanner struct {
	r    *bufio.Reader
	off  int64 // of the next byte
	size int64 // of the whole file
}

// left is how many bytes of the file are still to come.
func (s *scanner) left() uint64 { return uint64(s.size - s.off) }

// need says whether the file has n more bytes, without reading them.
func (s *scanner) need(n uint64) error {
	if n > s.left() {
		return fmt.Errorf("takes %d bytes, and the file has only %d from there on: it was cut off: %w", n, s.left(), io.ErrUnexpectedEOF)
	}
	return nil
}

// peek is the next n bytes, at most bufferSize, which stay the next ones. They hold until the next call.
func (s *scanner) peek(n int) ([]byte, error) {
	if err := s.need(uint64(n)); err != nil {
		return nil, err
	}
	b, err := s.r.Peek(n)
	return b, broken(err)
}

// next is the next n bytes, at most bufferSize. They hold until the next call.
func (s *scanner) next(n int) ([]byte, error) {
	b, err := s.peek(n)
	if err != nil {
		return nil, err
	}
	_, err = s.r.Discard(n)
	s.off += int64(n)
	return b, err
}

// skip passes over n bytes.
func (s *scanner) skip(n uint64) error {
	if err := s.need(n); err != nil {
		return err
	}
	for n > 0 {
		d, err := s.r.Discard(int(min(n, math.MaxInt32)))
		s.off += int64(d)
		n -= uint64(d)
		if err != nil {
			return broken(err)
		}
	}
	return nil
}

func (s *scanner) uint32() (uint32, error) {
	b, err := s.next(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (s *scanner) uint64() (uint64, error) {
	b, err := s.next(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// broken tells a file that is read only in part, as when a download breaks off, from one that is too short.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the bytes break off before the file ends: %w", io.ErrUnexpectedEOF)
	}
	return err
}
