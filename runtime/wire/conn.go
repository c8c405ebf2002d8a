package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxFrame is how many bytes a frame has at most. A request's body is limited to far less before it gets here.
const MaxFrame = 16 << 20

// Conn carries frames of one type each way: a length of four bytes, big-endian, and so many bytes of JSON. Send may be
// called by several goroutines at once, Receive by one.
type Conn[S, R any] struct {
	c  io.ReadWriteCloser
	r  *bufio.Reader
	in []byte

	mu  sync.Mutex
	out []byte
}

// NewConn makes a connection of c.
func NewConn[S, R any](c io.ReadWriteCloser) *Conn[S, R] {
	return &Conn[S, R]{c: c, r: bufio.NewReaderSize(c, 64<<10)}
}

// Send writes one frame.
func (c *Conn[S, R]) Send(m *S) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(b) > MaxFrame {
		return fmt.Errorf("a frame of %d bytes is too long", len(b))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = binary.BigEndian.AppendUint32(c.out[:0], uint32(len(b)))
	c.out = append(c.out, b...) // one write, so that a frame does not wait for another packet
	_, err = c.c.Write(c.out)
	return err
}

// Receive reads one frame. At the end of the stream it is io.EOF, in the middle of a frame io.ErrUnexpectedEOF.
func (c *Conn[S, R]) Receive() (*R, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	if cap(c.in) < int(n) {
		c.in = make([]byte, n)
	}
	c.in = c.in[:n]
	if _, err := io.ReadFull(c.r, c.in); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	m := new(R)
	return m, json.Unmarshal(c.in, m)
}

// Close closes the connection below.
func (c *Conn[S, R]) Close() error { return c.c.Close() }
