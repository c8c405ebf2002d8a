package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// body is what a server sends of the file: want bytes, or to its end where want is -1. Its Read hands the reader's
// buffer down as it is, so that a large one is filled from the connection without a copy.
type body struct {
	io.ReadCloser
	x         *exchange
	got, want int64
}

func (x *exchange) body(answer *http.Response, want int64) *body {
	return &body{ReadCloser: answer.Body, x: x, want: want}
}

func (b *body) Read(p []byte) (int, error) {
	if b.want >= 0 {
		if b.got == b.want {
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), b.want-b.got)]
	}
	n, err := b.ReadCloser.Read(p)
	b.got += int64(n)
	if err == nil || err == io.EOF && (b.want < 0 || b.got == b.want) {
		return n, err
	}
	return n, b.broken(err)
}

// broken is the error of a body that ends too early.
func (b *body) broken(err error) error {
	if b.x.ctx.Err() != nil {
		return context.Cause(b.x.ctx)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if b.want < 0 {
		return b.x.failed(err, "%s broke off after %d bytes: %v", b.x.at.Host, b.got, err)
	}
	return b.x.failed(err, "%s broke off after %d of %d bytes: %v", b.x.at.Host, b.got, b.want, err)
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.x.hangUp()
	return err
}

// patience is how long the body of an answer that is not the file may take.
const patience = 3 * time.Second

// read returns up to n bytes of an answer that is not the file, or less where it does not come soon: they are for
// people to read, or for nobody.
func (x *exchange) read(answer *http.Response, n int64) []byte {
	stop := time.AfterFunc(patience, x.hangUp)
	defer stop.Stop()
	b, _ := io.ReadAll(io.LimitReader(answer.Body, n)) // what came is all there is to tell
	return b
}
