package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// route is a path and what answers it.
type route struct {
	// path is as it is named in metrics. With prefix, what begins with it is meant.
	path    string
	prefix  bool
	methods []string
	// open needs no key; work is let in by the doors.
	open, work bool
	handle     func(*visit) error
}

func (s *Server) table(cfg *spec.Server) []route {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	return []route{
		{path: "/v1/chat/completions", methods: post, work: true, handle: s.chat},
		{path: "/v1/completions", methods: post, work: true, handle: s.completion},
		{path: "/v1/models", methods: get, handle: s.models},
		{path: "/v1/models/", prefix: true, methods: get, handle: s.model},
		{path: "/tokenize", methods: post, work: true, handle: s.tokenize},
		{path: "/detokenize", methods: post, work: true, handle: s.detokenize},
		{path: "/health", methods: get, open: true, handle: s.health},
		{path: "/metrics", methods: get, open: cfg.OpenMetrics, handle: s.scrape},
	}
}

// visit is a request that is being answered.
type visit struct {
	s       *Server
	w       *writer
	r       *http.Request
	control *http.ResponseController
	// prompt and generated count tokens for the log.
	prompt, generated int
}

// Handler answers requests. The server's own limits on headers and idle connections are Serve's.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	began := time.Now()
	w := &writer{ResponseWriter: rw, method: r.Method}
	v := &visit{s: s, w: w, r: r, control: http.NewResponseController(rw)}
	id := requestID()
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	at := s.find(r.URL.Path)
	name := "other"
	if at != nil {
		name = at.path
	}
	defer func() {
		s.metrics.answered(name, w.status)
		s.log.Info("request", slog.String("method", method(r.Method)), slog.String("path", name), slog.Int("status", w.status),
			slog.Duration("took", time.Since(began)), slog.Int("prompt_tokens", v.prompt), slog.Int("generated_tokens", v.generated),
			slog.String("request_id", id))
	}()
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			v.fail(&panicError{p})
		}
	}()
	if err := s.admit(v, at); err != nil {
		v.fail(err)
	}
}

// method bounds what a client can have written into the log.
func method(m string) string {
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if slices.Contains(known, m) {
		return m
	}
	return "other"
}

func (s *Server) find(path string) *route {
	routes := s.now.Load().routes
	for i := range routes {
		at := &routes[i]
		if path == at.path || at.prefix && strings.HasPrefix(path, at.path) && path != at.path {
			return at
		}
	}
	return nil
}

// admit lets a request in that may be answered.
func (s *Server) admit(v *visit, at *route) error {
	if f := s.now.Load().guard.check(v.w, v.r); f != nil {
		return f
	}
	methods := ""
	if at != nil {
		methods = strings.Join(at.methods, ", ")
	}
	if at != nil && preflight(v.w, v.r, methods) {
		return nil
	}
	if s.now.Load().guard.keys.needed() && (at == nil || !at.open) && !s.now.Load().guard.key(v.r) {
		v.w.Header().Set("WWW-Authenticate", `Bearer realm="agent0"`)
		return &failure{status: http.StatusUnauthorized, kind: authentication, code: "invalid_api_key", message: "the request has no API key, or a wrong one: send Authorization: Bearer KEY"}
	}
	if at == nil {
		return &failure{status: http.StatusNotFound, kind: notFound, code: "unknown_url", message: "there is nothing at this path"}
	}
	if !slices.Contains(at.methods, v.r.Method) {
		v.w.Header().Set("Allow", methods)
		return &failure{status: http.StatusMethodNotAllowed, kind: invalidRequest, code: "method_not_allowed", message: "this path takes " + methods}
	}
	if !at.work {
		return at.handle(v)
	}
	return s.work(v, at)
}

// work answers a request that costs something.
func (s *Server) work(v *visit, at *route) error {
	began := time.Now()
	switch s.doors.enter() {
	case shut:
		s.metrics.rejected("ending")
		v.w.Header().Set("Connection", "close")
		return ending()
	case full:
		s.metrics.rejected("too_many_requests")
		st := s.engine.Status()
		parallel := 1
		if st.Ready != nil {
			parallel = st.Ready.Model.Parallel
		}
		return &failure{status: http.StatusTooManyRequests, kind: rateLimit, code: "too_many_requests", retry: s.doors.wait(parallel, st.State.Waiting),
			message: "the server has as many requests as it takes"}
	}
	defer func() { s.doors.leave(time.Since(began)) }()
	// The request's own context ends when the client goes away.
	ctx, cancel := context.WithCancelCause(v.r.Context())
	defer cancel(errAnswered)
	defer context.AfterFunc(s.end, func() { cancel(errEnding) })()
	v.r = v.r.WithContext(ctx)
	return at.handle(v)
}

// body reads the whole body, which has to come within a time.
func (v *visit) body() ([]byte, error) {
	tooLong := &failure{status: http.StatusRequestEntityTooLarge, kind: invalidRequest, code: "body_too_large",
		message: "the body is longer than the server takes"}
	if v.r.ContentLength > v.s.cfg().MaxBody {
		v.w.Header().Set("Connection", "close") // nobody reads what follows
		return nil, tooLong
	}
	_ = v.control.SetReadDeadline(time.Now().Add(v.s.cfg().ReadTimeout)) // what has no deadlines is no connection
	body, err := io.ReadAll(http.MaxBytesReader(v.w.ResponseWriter, v.r.Body, v.s.cfg().MaxBody))
	var long *http.MaxBytesError
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &long):
		_ = v.control.SetReadDeadline(time.Now()) // nobody waits for what follows
		return nil, tooLong
	case errors.As(err, &slow) && slow.Timeout():
		v.w.Header().Set("Connection", "close")
		return nil, &failure{status: http.StatusRequestTimeout, kind: invalidRequest, code: "body_too_slow", message: "the body took too long"}
	case err != nil:
		v.w.Header().Set("Connection", "close")
		return nil, invalid("", "invalid_body", "the body cannot be read to its end")
	}
	_ = v.control.SetReadDeadline(time.Time{})
	return body, nil
}

// defaults are the parameters of a request that says nothing. While an engine is being replaced, they are the last one's.
func (s *Server) defaults(chat bool) *params {
	p := &params{limits: s.cfg(), grammars: s.grammars, chat: chat, sampling: spec.DefaultSampling()}
	st := s.engine.Status()
	if st.Ready != nil {
		s.ready.Store(st.Ready)
	}
	if ready := s.ready.Load(); ready != nil {
		m := &ready.Model
		p.sampling, p.vocabulary, p.marks, p.noCalls = m.Sampling, m.Vocabulary, m.Calls, m.NoCalls
	} else {
		p.why = st.Why
	}
	return p
}
