package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// failure is an error as the API has it
// (https://platform.openai.com/docs/guides/error-codes, and the Error type of the official clients).
type failure struct {
	status  int
	kind    string // the API's type
	message string
	param   string // "" is null
	code    string // "" is null
	retry   time.Duration
}

func (f *failure) Error() string { return f.message }

// The API's types of errors.
const (
	invalidRequest = "invalid_request_error"
	authentication = "authentication_error"
	permission     = "permission_error"
	notFound       = "not_found_error"
	rateLimit      = "rate_limit_error"
	unavailable    = "service_unavailable"
	serverError    = "server_error"
)

// invalid says that a part of the request is wrong.
func invalid(param, code, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, kind: invalidRequest, param: param, code: code, message: fmt.Sprintf(format, args...)}
}

var (
	errLeft   = errors.New("the client has gone")
	errEnding = errors.New("the server is ending")
	// errAnswered tells the end of a context that nobody ended before its request was answered.
	errAnswered = errors.New("the request was answered")
)

// panicError is a panic that was caught, so that it costs one request.
type panicError struct{ value any }

func (p *panicError) Error() string { return fmt.Sprint("panic: ", p.value) }

// failed is the failure that an engine's error means to a client.
func failed(ctx context.Context, err error) *failure {
	var (
		mine    *failure
		refused *wire.Refused
		none    *wire.UnavailableError
	)
	switch {
	case errors.As(err, &mine):
		return mine
	case errors.Is(context.Cause(ctx), errEnding):
		return ending()
	case errors.As(err, &refused):
		return refusal(refused)
	case errors.As(err, &none):
		return &failure{status: http.StatusServiceUnavailable, kind: unavailable, code: "engine_unavailable", message: none.Reason, retry: max(none.RetryAfter, time.Second)}
	}
	// What it was is for the log: it may name files.
	return &failure{status: http.StatusInternalServerError, kind: serverError, code: wire.Internal, message: "the server failed; its log says why"}
}

func refusal(r *wire.Refused) *failure {
	switch r.Code {
	case wire.Invalid, wire.DeadEnd:
		// A dead end comes again with the same request: it is none of those errors that clients try again.
		return invalid(r.Param, r.Code, "%s", r.Reason)
	case wire.TooLong:
		return invalid(r.Param, "context_length_exceeded", "%s", r.Reason)
	case wire.Overloaded:
		return &failure{status: http.StatusTooManyRequests, kind: rateLimit, code: r.Code, message: r.Reason, retry: max(r.RetryAfter, time.Second)}
	}
	return &failure{status: http.StatusInternalServerError, kind: serverError, code: wire.Internal, message: r.Reason}
}

func ending() *failure {
	return &failure{status: http.StatusServiceUnavailable, kind: unavailable, code: "ending", message: "the server is ending", retry: time.Second}
}

// body is the failure as it is sent.
func (f *failure) body() []byte {
	orNull := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	type inner struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	return encode(struct {
		Error inner `json:"error"`
	}{inner{short(f.message), f.kind, orNull(short(f.param)), orNull(f.code)}})
}

// maxShown is how many bytes of a message or a name are sent: both may quote what the client sent, which may be all of a body.
const maxShown = 1000

// short cuts what is longer, between two characters.
func short(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// seconds is a Retry-After: whole, and at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// encode makes JSON of what is known to be fit for it.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // no type of ours can fail
	}
	return b
}
