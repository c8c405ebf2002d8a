package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// writer remembers what status was sent, 0 for none.
type writer struct {
	http.ResponseWriter
	method string
	status int
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what can flush.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// write sends bytes to a client that reads them, for a while.
func (v *visit) write(b []byte) error {
	_ = v.control.SetWriteDeadline(time.Now().Add(v.s.cfg().WriteStall)) // what has no deadlines is no connection
	_, err := v.w.Write(b)
	return err
}

// send answers with JSON.
func (v *visit) send(status int, body []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(status)
	if err := v.write(body); err != nil {
		return errLeft
	}
	return nil
}

// fail answers with an error, where nothing was sent yet. Nobody is there to be told where the client has gone.
func (v *visit) fail(err error) {
	f := v.note(err)
	if v.w.status != 0 || f == nil {
		return
	}
	if f.retry > 0 {
		v.w.Header().Set("Retry-After", seconds(f.retry))
	}
	_ = v.send(f.status, f.body()) // a client that does not take it has gone
}

// statusLeft is what the log and the metrics have for a client that went away, as nginx has it.
const statusLeft = 499

// note works out what an error means and counts it. It returns nil where the client has gone.
func (v *visit) note(err error) *failure {
	ctx := v.r.Context()
	// A context ends with a body that is too slow, too: then the client is there, and the error is another.
	if errors.Is(err, errLeft) || errors.Is(err, context.Canceled) && !errors.Is(context.Cause(ctx), errEnding) {
		if v.w.status == 0 {
			v.w.status = statusLeft
		}
		return nil
	}
	f := failed(ctx, err)
	if f.retry > 0 && (f.kind == rateLimit || f.kind == unavailable) && f.code != "ending" && f.code != "too_many_requests" {
		v.s.metrics.rejected(f.code)
	}
	if f.status == http.StatusInternalServerError {
		v.s.log.Error("request failed", slog.String("error", err.Error()), slog.String("request_id", v.w.Header().Get("X-Request-Id")))
	}
	return f
}

// stream writes an answer event by event. Nothing goes out before begin, so that an error can still be one of HTTP's.
type stream struct {
	v     *visit
	began bool
	out   bytes.Buffer
	json  *json.Encoder
}

func newStream(v *visit) *stream {
	s := &stream{v: v}
	s.json = json.NewEncoder(&s.out)
	s.json.SetEscapeHTML(false)
	return s
}

// add writes one event, which is sent by flush.
func (s *stream) add(chunk any) error {
	s.out.WriteString("data: ")
	if err := s.json.Encode(chunk); err != nil { // it ends the line
		return err
	}
	s.out.WriteByte('\n')
	return nil
}

// flush sends what there is.
func (s *stream) flush() error {
	if !s.began {
		s.began = true
		h := s.v.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("X-Accel-Buffering", "no") // nginx would keep events back
		s.v.w.WriteHeader(http.StatusOK)
	}
	if s.out.Len() == 0 {
		return nil
	}
	if err := s.v.write(s.out.Bytes()); err != nil {
		return errLeft
	}
	s.out.Reset()
	if err := s.v.control.Flush(); err != nil {
		return errLeft
	}
	return nil
}

// done ends a stream that is complete.
func (s *stream) done() error {
	s.out.WriteString("data: [DONE]\n\n")
	return s.flush()
}

// broken ends a stream with an error.
func (s *stream) broken(err error) error {
	if !s.began {
		return err
	}
	f := s.v.note(err)
	if f == nil {
		return nil
	}
	s.out.WriteString("data: ")
	s.out.Write(f.body())
	s.out.WriteString("\n\n")
	return s.flush()
}
