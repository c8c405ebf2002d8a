// Package gbnf reads grammars in GBNF the way llama.cpp's parser does (llama_grammar_parser in src/llama-grammar.cpp), into
// the flat rules that it makes of them, and walks them by stacks as its sampler does. So what is costly there is seen here.
package gbnf

import "fmt"

// Error says where in a grammar something is wrong.
type Error struct {
	// Line and Column count from 1, Column in code points.
	Line, Column int
	Reason       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Limits bound what is read.
type Limits struct {
	// Bytes is the length of the text, Rules how many rules it names, Elements how many elements llama.cpp's rules have
	// once repetitions are written out, Groups how deep parentheses nest.
	Bytes, Rules, Elements, Groups int
}

// MaxRepeat is the largest number in {m,n} that llama.cpp takes (MAX_REPETITION_THRESHOLD).
const MaxRepeat = 2000

// Op is what an element does.
type Op uint8

// The elements of a rule. Alternatives are separated by Alt, and End ends the last.
const (
	End Op = iota
	Alt
	Ref // a rule
	Set // one code point of a set
)

// Elem is one element of a rule.
type Elem struct {
	Op Op
	// Arg is the rule of a Ref, and where in Grammar.Sets the set of a Set is.
	Arg int32
	// cost is how many elements it is in llama.cpp.
	cost int32
}

// Range is a range of code points, both ends within.
type Range struct{ Lo, Hi rune }

// Rule is one rule: of the text, or made of a group or a repetition in one.
type Rule struct {
	// Name is that of the rule in the text.
	Name string
	// Start is where in Grammar.Elems its elements begin.
	Start int

	at int // where in the text it is
}

// Grammar is a grammar that was read. Rules come in llama.cpp's order.
type Grammar struct {
	Rules []Rule
	Elems []Elem
	Sets  [][]Range
	// Root is the rule at which a text begins.
	Root int
	// Size is how many elements llama.cpp's rules have.
	Size int

	src string
}
