package spec

import (
	"errors"
	"fmt"
	"time"
)

// Server is how the HTTP front behaves. DefaultServer has the defaults; a zero number is not one.
type Server struct {
	// Listen is the address to listen on, such as "127.0.0.1:8000".
	Listen string `json:"listen"`
	// Model is the name under which clients ask for the model, and Aliases are others.
	Model   string   `json:"model"`
	Aliases []string `json:"aliases,omitempty"`
	// KeysFile has the API keys, one a line. "" asks for none.
	KeysFile string `json:"keys_file,omitempty"`
	// KeysCredential is the same as a credential that systemd hands over (LoadCredential=), by its name.
	KeysCredential string `json:"keys_credential,omitempty"`
	// OpenMetrics lets /metrics be read without a key.
	OpenMetrics bool `json:"open_metrics,omitempty"`
	// Hosts are the names under which the server is reached, besides those of this machine and the address that is
	// listened on: a web page whose name was bound to this address is told by its own name in Host.
	Hosts []string `json:"hosts,omitempty"`
	// Origins are the web pages that may ask, such as "https://ui.example.org". All others are refused.
	Origins []string `json:"origins,omitempty"`
	// MaxBody is how many bytes a request has at most, MaxHeader its header.
	MaxBody   int64 `json:"max_body"`
	MaxHeader int   `json:"max_header"`
	// MaxRequests is how many requests are worked on or wait at once.
	MaxRequests int `json:"max_requests"`
	// MaxN is the largest n, MaxChoices the largest number of prompts times n.
	MaxN       int `json:"max_n"`
	MaxChoices int `json:"max_choices"`
	// MaxTokens is how many tokens are generated where a request does not say; 0 is as many as fit into the context.
	MaxTokens int `json:"max_tokens"`
	// HeaderTimeout is how long a client may take to send a header, ReadTimeout a body, and IdleTimeout how long it may
	// keep a connection without a request.
	HeaderTimeout time.Duration `json:"header_timeout_ns"`
	ReadTimeout   time.Duration `json:"read_timeout_ns"`
	IdleTimeout   time.Duration `json:"idle_timeout_ns"`
	// WriteStall is how long a client may take none of an answer.
	WriteStall time.Duration `json:"write_stall_ns"`
	// Drain is how long requests may go on after the server was told to end.
	Drain time.Duration `json:"drain_ns"`
}

// DefaultServer is what holds where nothing is said.
func DefaultServer() Server {
	return Server{
		Listen: "127.0.0.1:8000", Model: "default",
		MaxBody: 1 << 20, MaxHeader: 32 << 10, MaxRequests: 256, MaxN: 16, MaxChoices: 64,
		HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		WriteStall: 30 * time.Second, Drain: 30 * time.Second,
	}
}

// Validate says what is wrong with it.
func (s *Server) Validate() error {
	if s.Model == "" {
		return errors.New("the server needs a name for its model")
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max_body", s.MaxBody}, {"max_header", int64(s.MaxHeader)}, {"max_requests", int64(s.MaxRequests)},
		{"max_n", int64(s.MaxN)}, {"max_choices", int64(s.MaxChoices)},
		{"header_timeout", int64(s.HeaderTimeout)}, {"read_timeout", int64(s.ReadTimeout)},
		{"idle_timeout", int64(s.IdleTimeout)}, {"write_stall", int64(s.WriteStall)},
	} {
		if n.value <= 0 {
			return fmt.Errorf("%s is %d: it has to be more than 0", n.name, n.value)
		}
	}
	if s.MaxTokens < 0 || s.Drain < 0 {
		return errors.New("max_tokens and drain cannot be less than 0")
	}
	return nil
}
