package grammar

import "slices"

// CallForm is how a model writes the call of a tool: text, a JSON object, text.
type CallForm struct {
	// Open is what stands before the object and in no other place, such as "<tool_call>". Where it is empty, the answer is
	// one object and nothing else.
	Open string
	// Close is what stands after the object, such as "</tool_call>".
	Close string
	// Required asks for a call and nothing before it. Otherwise there may be text first, and need be no call.
	Required bool
	// Several allows more than one call.
	Several bool
}

// Calls makes a grammar of answers that may be, or have to be, calls of tools: schema is that of the object of a call.
// Text has no Open in it that is not followed by a call. Its error is an *Error.
func Calls(schema []byte, f CallForm, o Limits) (string, error) {
	return grammarOf(schema, o, func(c *compiler, call ref) expr { return c.calls(f, call) })
}

// calls is what an answer may be, where call is the object of a call.
func (c *compiler) calls(f CallForm, call ref) expr {
	if f.Open == "" {
		return call
	}
	blanks := rep{class{{'\n', '\n'}, {' ', ' '}}, 0, 2}
	after := c.reserve("after")
	rest := c.add("call", seq{blanks, call, blanks, lit(f.Close), after})
	c.list[after] = seq(nil)
	if f.Several {
		c.list[after] = alt{seq(nil), seq{blanks, lit(f.Open), rest}}
	}
	if f.Required {
		return seq{lit(f.Open), rest}
	}
	return c.until([]rune(f.Open), rest)
}

// until is text that ends, or comes to a word after which then follows. Rule i is for what may follow where the text ends
// with the word's first i characters, and with no more of them: the automaton of Knuth, Morris and Pratt.
func (c *compiler) until(word []rune, then ref) ref {
	var states []ref
	for range word {
		states = append(states, c.reserve("text"))
	}
	letters := slices.Compact(slices.Sorted(slices.Values(word)))
	for i, state := range states {
		to := make([]class, len(word)+1)
		to[0] = without(letters)
		for _, l := range letters {
			n := overlap(word, append(slices.Clone(word[:i]), l))
			to[n] = append(to[n], runes{l, l})
		}
		a := alt{seq(nil)}
		for n, chars := range to {
			switch {
			case len(chars) == 0:
			case n == len(word):
				a = append(a, seq{chars, then})
			default:
				a = append(a, seq{chars, states[n]})
			}
		}
		c.list[state] = a
	}
	return states[0]
}

// overlap is how many characters at the end of a text are the beginning of a word.
func overlap(word, text []rune) int {
	for n := min(len(word), len(text)); n > 0; n-- {
		if slices.Equal(word[:n], text[len(text)-n:]) {
			return n
		}
	}
	return 0
}

// without is every code point that a text can have but some, which are sorted.
func without(letters []rune) class {
	all := class{{0x1, 0xd7ff}, {0xe000, 0x10ffff}}
	for _, l := range letters {
		var out class
		for _, r := range all {
			if l < r.lo || l > r.hi {
				out = append(out, r)
				continue
			}
			if l > r.lo {
				out = append(out, runes{r.lo, l - 1})
			}
			if l < r.hi {
				out = append(out, runes{l + 1, r.hi})
			}
		}
		all = out
	}
	return all
}
