package template

// node is a statement.
type node interface {
	exec(r *run, s *scope) (flow, error)
}

// flow is how a statement ended.
type flow byte

const (
	onward flow = iota
	toBreak
	toContinue
)

// expr is an expression.
type expr interface {
	eval(r *run, s *scope) (value, error)
}

// Statements.
type (
	textNode   struct{ text string }
	outputNode struct {
		line int
		of   []expr
	}
	ifNode struct {
		line     int
		branches []branch
		orElse   []node
	}
	branch struct {
		cond expr
		body []node
	}
	forNode struct {
		line   int
		target target
		over   expr
		cond   expr // nil where there is none
		body   []node
		orElse []node
	}
	setNode struct {
		line   int
		target target
		to     expr
	}
	setBlock struct {
		line    int
		target  target
		filters []step
		body    []node
	}
	filterBlock struct {
		line    int
		filters []step
		body    []node
	}
	withNode struct {
		line    int
		targets []target
		values  []expr
		body    []node
	}
	macroNode struct {
		line  int
		name  string
		macro *macroDef
	}
	callBlock struct {
		line   int
		caller *macroDef
		call   *chain
	}
	scopeNode struct{ body []node } // {% generation %}
	flowNode  struct{ flow flow }
)

// macroDef is what {% macro %} and {% call %} define.
type macroDef struct {
	name   string
	params []param
	body   []node
	// What its body names, and so what a call may hand over beyond its parameters.
	varargs, kwargs, caller bool
}

type param struct {
	name string
	or   expr // nil where there is none
}

// target is what values are assigned to: one of its fields.
type target struct {
	name  string
	attr  string // of the namespace name
	parts []target
}

// Expressions. Whatever can be written many times in a row is a list and not a tree, so that only brackets nest.
type (
	constExpr struct{ v value }
	nameExpr  struct{ name string }
	listExpr  struct{ items []expr }
	tupleExpr struct{ items []expr }
	dictExpr  struct{ keys, values []expr }
	condExpr  struct{ cond, then, orElse expr }
	logicExpr struct {
		or    bool
		parts []expr
	}
	notExpr  struct{ of expr }
	signExpr struct {
		minus bool
		of    expr
	}
	compareExpr struct {
		first expr
		rest  []operand
	}
	mathExpr struct {
		first expr
		rest  []operand
	}
	concatExpr struct{ parts []expr }
	sliceExpr  struct{ from, to, step expr }
	// chain is something with attributes, items, calls, filters and tests after it.
	chain struct {
		base  expr
		steps []step
	}
)

type operand struct {
	op string
	of expr
}

// step is a part of a chain.
type step interface {
	take(r *run, s *scope, v value) (value, error)
}

type (
	attrStep   struct{ name string }
	itemStep   struct{ key expr }
	callStep   struct{ args callArgs }
	filterStep struct {
		name string
		do   filter
		args callArgs
	}
	testStep struct {
		name string
		not  bool
		do   test
		args callArgs
	}
)

// callArgs are the arguments of a call as they are written.
type callArgs struct {
	pos    []expr
	names  []string
	named  []expr
	star   expr // *args
	double expr // **kwargs
}
