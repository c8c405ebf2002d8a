package grammar

import "github.com/agent0-converge/agent0-converge/runtime/grammar/internal/gbnf"

// Error says why a schema cannot be a grammar.
type Error struct {
	// Pointer is the JSON pointer of the schema that holds Keyword, "" for the outermost.
	Pointer string
	// Keyword is the one that is at fault, "" where it is the schema as such.
	Keyword string
	Reason  string
}

// Error begins with the pointer, which a caller puts the name of its own field before.
func (e *Error) Error() string {
	at := e.Pointer
	if e.Keyword != "" {
		at += "/" + escapePointer(e.Keyword)
	}
	if at == "" {
		at = "/"
	}
	return at + ": " + e.Reason
}

// SyntaxError says where in a grammar something is wrong.
type SyntaxError = gbnf.Error
