package grammar

// What a Limits field is when it is 0.
const (
	DefaultBytes    = 64 << 10  // of a schema or a grammar that is sent
	DefaultDepth    = 32        // schemas in schemas, groups in groups
	DefaultRules    = 4096      // in the text of a grammar
	DefaultElements = 128 << 10 // in llama.cpp's rules, repetitions written out
	DefaultOutput   = 256 << 10 // bytes of GBNF
	DefaultWork     = 1 << 20   // steps: about 200 ms
	DefaultNesting  = 16        // of JSON that may be anything
	DefaultStacks   = 512       // alternatives that are open at once
)

// Limits bound the making and the checking of grammars. A field that is 0 is its default.
type Limits struct {
	// Bytes is how long a schema may be, or a grammar that Check is handed.
	Bytes int
	// Depth is how many schemas may lie in one another: their JSON may nest three times as deep, as "properties" takes two
	// levels and a list one. Of a grammar it is how deep parentheses nest.
	Depth int
	// Rules is how many rules a grammar may have, Elements how many elements once llama.cpp has written out repetitions.
	Rules, Elements int
	// Output is how many bytes of GBNF a schema may become.
	Output int
	// Work is how many steps may be taken. It is what bounds time, and the same on every machine.
	Work int
	// Nesting is how deep arrays and objects nest where any JSON is allowed.
	Nesting int
	// Stacks is how many alternatives llama.cpp may have to follow at once: each is offered the whole vocabulary.
	Stacks int
	// String, unless 0, is how many code points a string has at most that has no maxLength of its own.
	String int
	// Spaces allows one space after ':' and ','.
	Spaces bool
}

func (o Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&o.Bytes, DefaultBytes}, {&o.Depth, DefaultDepth}, {&o.Rules, DefaultRules}, {&o.Elements, DefaultElements},
		{&o.Output, DefaultOutput}, {&o.Work, DefaultWork}, {&o.Nesting, DefaultNesting}, {&o.Stacks, DefaultStacks},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return o
}
