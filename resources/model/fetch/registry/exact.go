package registry

import "io"

// exact reads as much as was promised: less is an error, and more is not looked at.
type exact struct {
	body io.ReadCloser
	left int64
}

// Read returns io.ErrUnexpectedEOF where the body ends early.
func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.body.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (e *exact) Close() error { return e.body.Close() }
