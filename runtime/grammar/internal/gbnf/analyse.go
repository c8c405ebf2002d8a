package gbnf

import "fmt"

// Bounds of what one rule may branch into.
const (
	// MaxPaths is how many ways its search for left recursion may take, over all rules: it remembers none that it has been
	// on.
	MaxPaths = 1 << 22
	// MaxChain is how deep a chain of rules that begin with each other may be: it recurses in C.
	MaxChain = 2048
)

// analysis holds, by rule, what its beginning can be.
type analysis struct {
	g *Grammar
	// empty says whether it may be nothing.
	empty []bool
	// first counts the ways to a character in it, nothing those to its end without one; paths and chain are what
	// MaxPaths and MaxChain bound.
	first, nothing, paths, chain []int
	state                        []uint8 // 1: under way, 2: done
	allPaths, maxChoices         int
}

const saturated = 1 << 30

func add(a, b int) int { return min(a+b, saturated) }
func mul(a, b int) int {
	if a > 0 && b > saturated/a {
		return saturated
	}
	return a * b
}

// Analyse refuses what would not end, or explode, before the first character of a rule: a rule that begins with itself,
// also by way of what may be empty, and too many alternatives: llama.cpp keeps a stack for each character of the grammar
// that may be next, and offers each the whole vocabulary. At one place in a rule there may be maxChoices.
func Analyse(g *Grammar, maxChoices int) error {
	n := len(g.Rules)
	a := &analysis{g: g, maxChoices: maxChoices, empty: make([]bool, n), first: make([]int, n), nothing: make([]int, n), paths: make([]int, n), chain: make([]int, n), state: make([]uint8, n)}
	a.nullable()
	for i := range g.Rules {
		if err := a.visit(i); err != nil {
			return err
		}
	}
	return a.suffixes()
}

// suffixes looks at what is next in the middle of rules too.
func (a *analysis) suffixes() error {
	for rule := range a.g.Rules {
		end := a.g.Rules[rule].Start
		for a.g.Elems[end].Op != End {
			end++
		}
		first, nothing := 0, 1
		for j := end; j >= a.g.Rules[rule].Start; j-- {
			switch e := a.g.Elems[j]; e.Op {
			case Alt, End:
				first, nothing = 0, 1
			case Set:
				first, nothing = 1, 0
			case Ref:
				first = add(a.first[e.Arg], mul(a.nothing[e.Arg], first))
				nothing = mul(nothing, a.nothing[e.Arg])
			}
			if add(first, nothing) > a.maxChoices {
				return a.refuse(rule, fmt.Sprintf("can go on in more than %d ways", a.maxChoices))
			}
		}
	}
	return nil
}

// nullable finds the rules that may be empty: what waits for a rule is looked at again when that rule is found to be.
func (a *analysis) nullable() {
	uses := make([][]int, len(a.g.Rules))
	var work []int
	for i := range a.g.Rules {
		work = append(work, i)
		for j := a.g.Rules[i].Start; a.g.Elems[j].Op != End; j++ {
			if e := a.g.Elems[j]; e.Op == Ref {
				if u := uses[e.Arg]; len(u) == 0 || u[len(u)-1] != i {
					uses[e.Arg] = append(u, i)
				}
			}
		}
	}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if !a.empty[i] && a.mayBeEmpty(i) {
			a.empty[i] = true
			work = append(work, uses[i]...)
		}
	}
}

func (a *analysis) mayBeEmpty(rule int) bool {
	empty := true
	for j := a.g.Rules[rule].Start; ; j++ {
		switch e := a.g.Elems[j]; e.Op {
		case Alt, End:
			if empty || e.Op == End {
				return empty
			}
			empty = true
		case Ref:
			empty = empty && a.empty[e.Arg]
		default:
			empty = false
		}
	}
}

// frame is a rule that is being looked at, up to element at.
type frame struct {
	rule, at int
	open     bool // everything before at may be empty
}

// visit looks at a rule after those it may begin with. It keeps its own stack, as chains may be long.
func (a *analysis) visit(rule int) error {
	if a.state[rule] == 2 {
		return nil
	}
	stack := []frame{{rule, a.g.Rules[rule].Start, true}}
	a.state[rule] = 1
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		e := a.g.Elems[f.at]
		if e.Op == Ref && f.open {
			switch a.state[e.Arg] {
			case 1:
				return a.refuse(f.rule, "begins with itself, or repeats what may be empty, by way of the rule "+a.g.Rules[e.Arg].Name)
			case 0:
				a.state[e.Arg] = 1
				stack = append(stack, frame{int(e.Arg), a.g.Rules[e.Arg].Start, true})
				continue
			}
		}
		switch e.Op {
		case End:
			if err := a.count(f.rule); err != nil {
				return err
			}
			a.state[f.rule] = 2
			stack = stack[:len(stack)-1]
			continue
		case Alt:
			f.open = true
		case Ref:
			f.open = f.open && a.empty[e.Arg]
		case Set:
			f.open = false
		}
		f.at++
	}
	return nil
}

func (a *analysis) refuse(rule int, reason string) error {
	r := a.g.Rules[rule]
	return errorAt(a.g.src, r.at, fmt.Sprintf("the rule %s %s", r.Name, reason))
}

// count works out a rule's numbers from those of the rules it begins with.
func (a *analysis) count(rule int) error {
	ways := 1 // to be here without a character
	a.paths[rule], a.chain[rule] = 1, 1
	for j := a.g.Rules[rule].Start; ; j++ {
		e := a.g.Elems[j]
		switch {
		case e.Op == Set:
			a.first[rule] = add(a.first[rule], ways)
			ways = 0
		case e.Op == Ref && ways > 0:
			a.first[rule] = add(a.first[rule], mul(ways, a.first[e.Arg]))
			a.paths[rule] = add(a.paths[rule], a.paths[e.Arg])
			a.chain[rule] = max(a.chain[rule], a.chain[e.Arg]+1)
			ways = mul(ways, a.nothing[e.Arg])
		case e.Op == Alt || e.Op == End:
			a.nothing[rule] = add(a.nothing[rule], ways)
			ways = 1
		}
		if e.Op == End {
			break
		}
	}
	a.allPaths = add(a.allPaths, a.paths[rule])
	switch {
	case add(a.first[rule], a.nothing[rule]) > a.maxChoices:
		return a.refuse(rule, fmt.Sprintf("can begin in more than %d ways", a.maxChoices))
	case a.allPaths > MaxPaths:
		return a.refuse(rule, fmt.Sprintf("begins with more than %d chains of rules", MaxPaths))
	case a.chain[rule] > MaxChain:
		return a.refuse(rule, fmt.Sprintf("begins with a chain of more than %d rules", MaxChain))
	}
	return nil
}
