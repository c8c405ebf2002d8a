// Package wire is what the front and an engine say to each other over one connection: frames of JSON, so that a capture
// can be read. Everything that a model generates passes here; what a request means has been worked out by the front.
package wire

import (
	"encoding/json"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Version is that of the protocol. An engine of another version is refused.
const Version = 1

// ToEngine is what the front says: one of its fields.
type ToEngine struct {
	// Submit asks for one sequence of tokens.
	Submit *Request `json:"submit,omitempty"`
	// Cancel ends a request. No event of it follows, but those that are under way.
	Cancel uint64 `json:"cancel,omitempty"`
	// Tokenize and Detokenize ask the vocabulary.
	Tokenize   *Tokenize   `json:"tokenize,omitempty"`
	Detokenize *Detokenize `json:"detokenize,omitempty"`
	// End has the engine end, with status 0: another has taken its place.
	End bool `json:"end,omitempty"`
}

// FromEngine is what an engine says: one of its fields.
type FromEngine struct {
	// Hello comes first on a connection.
	Hello *Hello `json:"hello,omitempty"`
	// Loading tells of a model that is being loaded.
	Loading *Loading `json:"loading,omitempty"`
	// Ready says that a token has been generated, and what by.
	Ready *Ready `json:"ready,omitempty"`
	// Failed says why there will be no model. The connection stays.
	Failed string `json:"failed,omitempty"`
	// Step tells what one step did.
	Step *Step `json:"step,omitempty"`
	// Reply answers Tokenize or Detokenize.
	Reply *Reply `json:"reply,omitempty"`
	// Ending answers End, and is the last that is said.
	Ending bool `json:"ending,omitempty"`
}

// Request asks for one sequence of tokens: of a chat, a text or tokens.
type Request struct {
	// ID names it on this connection. It is not 0.
	ID     uint64  `json:"id"`
	Chat   *Chat   `json:"chat,omitempty"`
	Text   *string `json:"text,omitempty"`
	Tokens []int32 `json:"tokens,omitempty"`
	// MaxTokens is how many tokens are generated at most; 0 is as many as fit.
	MaxTokens int `json:"max_tokens,omitempty"`
	// Stop are texts that end the generation and are not part of it.
	Stop     []string      `json:"stop,omitempty"`
	Sampling spec.Sampling `json:"sampling"`
	// Grammar, in GBNF, is what the text has to keep to; "" is none.
	Grammar string `json:"grammar,omitempty"`
	// Closes says that the grammar is one of JSON: an answer that would end in the middle, or is about to run out of tokens,
	// is led to its end.
	Closes bool `json:"closes,omitempty"`
	// Probs says that the probability of each token is wanted, and Top of how many others.
	Probs bool `json:"probs,omitempty"`
	Top   int  `json:"top,omitempty"`
	// IgnoreEnd goes on after the model's own end.
	IgnoreEnd bool `json:"ignore_end,omitempty"`
	// Replayed says that an engine had accepted it that is gone: it has waited already. Generated is what that engine
	// generated: it is taken as said, and the generation goes on after it. MaxTokens counts it.
	Replayed  bool    `json:"replayed,omitempty"`
	Generated []int32 `json:"generated,omitempty"`
}

// Chat is a conversation, made into a prompt by the model's own template.
type Chat struct {
	// Messages and Tools are as the API has them.
	Messages json.RawMessage `json:"messages"`
	Tools    json.RawMessage `json:"tools,omitempty"`
	// Variables are handed to the template too.
	Variables json.RawMessage `json:"variables,omitempty"`
}

// Tokenize asks for the tokens of a text.
type Tokenize struct {
	ID      uint64 `json:"id"`
	Text    string `json:"text"`
	Special bool   `json:"special"`
	Parse   bool   `json:"parse"`
}

// Detokenize asks for the text of tokens.
type Detokenize struct {
	ID     uint64  `json:"id"`
	Tokens []int32 `json:"tokens"`
}

// Reply answers Tokenize with Tokens and their Pieces, Detokenize with Text; Error says why not.
type Reply struct {
	ID     uint64   `json:"id"`
	Tokens []int32  `json:"tokens,omitempty"`
	Pieces [][]byte `json:"pieces,omitempty"`
	Text   string   `json:"text,omitempty"`
	Error  string   `json:"error,omitempty"`
}

// Hello describes an engine.
type Hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	PID      int    `json:"pid"`
	// Build is for which CPUs the engine was compiled, such as "x86-64-v3", and Features what it uses of this one.
	Build    string   `json:"build"`
	Features []string `json:"features,omitempty"`
	// Config tells with what configuration the engine works: the digest of its spec.Engine.
	Config string `json:"config,omitempty"`
	// Degraded says, in words, what this engine could have and has not.
	Degraded []string `json:"degraded,omitempty"`
}

// Loading tells of a load.
type Loading struct {
	Model string `json:"model"`
	// Done is from 0 to 1.
	Done float32 `json:"done"`
}

// Ready says that a token has been generated.
type Ready struct {
	Model Model `json:"model"`
	// Files tells the model's files from others at the same paths (spec.Engine.Files).
	Files string `json:"files,omitempty"`
	// Backend is what computes, such as "CPU" or "CUDA", Device its name.
	Backend string `json:"backend"`
	Device  string `json:"device"`
	// Load is how long loading took, Step the longest step: that of a full batch.
	Load time.Duration `json:"load_ns"`
	Step time.Duration `json:"step_ns"`
	// Degraded is Hello.Degraded and what has come to light since.
	Degraded []string `json:"degraded,omitempty"`
}

// Model describes the model that is loaded.
type Model struct {
	Path        string `json:"path"`
	Description string `json:"description"`
	Size        uint64 `json:"size"`
	Parameters  uint64 `json:"parameters"`
	Vocabulary  int    `json:"vocabulary"`
	// Context is how many tokens one sequence can have, Cells how many all can have together, Parallel how many sequences
	// are computed at once.
	Context  int `json:"context"`
	Cells    int `json:"cells"`
	Parallel int `json:"parallel"`
	// Template says whether the model has one for chats.
	Template bool `json:"template"`
	// Calls is how the model writes calls of tools, nil where that is not known; NoCalls says why, in words for clients.
	Calls   *Calls `json:"calls,omitempty"`
	NoCalls string `json:"no_calls,omitempty"`
	// Sampling is what the model's file says of sampling, or the defaults.
	Sampling spec.Sampling `json:"sampling"`
}

// Calls is what a model writes around the JSON object of a call: {"name": …, "arguments": {…}}.
type Calls struct {
	Open  string `json:"open"`
	Close string `json:"close"`
}

// Same reports whether another engine with the model o goes on with a text as this one would.
func (m *Model) Same(o *Model) bool {
	return m.Path == o.Path && m.Description == o.Description && m.Size == o.Size && m.Parameters == o.Parameters && m.Vocabulary == o.Vocabulary
}

// Step is what happened, and after a step of the engine its state.
type Step struct {
	Events []Event `json:"events,omitempty"`
	State  *State  `json:"state,omitempty"`
}

// State is what an engine is about to do, and its numbers.
type State struct {
	// Running are the requests that the next step computes. Where an engine dies, it is of one of them, or of one that
	// was submitted and not accepted yet.
	Running []uint64 `json:"running,omitempty"`
	Waiting int      `json:"waiting"`
	// Cells are how many cells of the KV cache the running sequences hold.
	Cells int `json:"cells"`
	// Prompt and Generated count tokens since the engine began.
	Prompt    uint64 `json:"prompt"`
	Generated uint64 `json:"generated"`
	Reused    uint64 `json:"reused"`
	Evicted   uint64 `json:"evicted"`
	Preempted uint64 `json:"preempted"`
}

// Event is something that happened to a request: one of its fields besides ID.
type Event struct {
	ID       uint64    `json:"id"`
	Accepted *Accepted `json:"accepted,omitempty"`
	Begun    *Begun    `json:"begun,omitempty"`
	Token    *Token    `json:"token,omitempty"`
	Done     *Done     `json:"done,omitempty"`
	Refused  *Refused  `json:"refused,omitempty"`
}

// Accepted says that a request will be computed.
type Accepted struct {
	// Prompt is how many tokens the prompt has.
	Prompt int `json:"prompt"`
}

// Begun says that a request has waited for its turn, and is being computed from now on.
type Begun struct {
	// Cached is how many tokens of its beginning were in the cache.
	Cached int `json:"cached"`
}

// Token is a generated token.
type Token struct {
	ID int32 `json:"id"`
	// Text is what can be shown now: it may be more or less than the token's, as characters and stop texts end where
	// they end.
	Text string `json:"text,omitempty"`
	// Piece is the token's own bytes, Logprob its probability, and Top those of others, where they were asked for.
	Piece   []byte  `json:"piece,omitempty"`
	Logprob float32 `json:"logprob,omitempty"`
	Top     []Top   `json:"top,omitempty"`
}

// Top is one of the likeliest tokens.
type Top struct {
	ID      int32   `json:"id"`
	Piece   []byte  `json:"piece"`
	Logprob float32 `json:"logprob"`
}

// Why a generation ended.
const (
	Stop   = "stop"   // the model's end, or a stop text
	Length = "length" // as many tokens as were asked for, or as fit
)

// Done says that a generation has ended.
type Done struct {
	Reason string `json:"reason"`
	// Text is what was held back and can be shown after all.
	Text string `json:"text,omitempty"`
	// StopText is the stop text that ended it, "" where it was something else.
	StopText  string `json:"stop_text,omitempty"`
	Prompt    int    `json:"prompt"`
	Cached    int    `json:"cached"`
	Generated int    `json:"generated"`
}

// Codes of Refused.
const (
	Invalid    = "invalid"      // the request is wrong
	TooLong    = "too_long"     // the prompt does not fit into the context
	Overloaded = "overloaded"   // it would wait too long
	DeadEnd    = "dead_end"     // no token can follow
	Internal   = "engine_error" // the engine failed
)

// Refused says that a request will not be computed, or not to its end.
type Refused struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Param is which part of the request is wrong, as the API names it, or "".
	Param string `json:"param,omitempty"`
	// RetryAfter is when it may be tried again, of Overloaded.
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
}

func (r *Refused) Error() string { return r.Reason }
