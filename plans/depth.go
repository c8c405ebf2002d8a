package plans

import "github.com/hashicorp/hcl/v2/hclsyntax"

// maxDepth is how deep blocks and expressions may nest, and how many operators may follow each
// other. Parsing and evaluating recurse, and a stack that overflows ends the process.
const maxDepth = 5000

const nestedTooDeeply = "expressions and blocks may be nested 5,000 deep"

// mayBeDeep is a quick look that takes every byte for what it would be outside of strings. Nearly
// all files pass it.
func mayBeDeep(src []byte) bool {
	braces, inner, ops := 0, 0, 0
	for _, b := range src {
		switch b {
		case '{':
			braces++
		case '}':
			braces = max(braces-1, 0)
		case '(', '[':
			inner++
		case ')', ']':
			inner = max(inner-1, 0)
			ops++
		case '!', '-', '+', '*', '/', '%', '?', '&', '|', '<', '>', '=':
			ops++
		case '\n':
			if inner == 0 {
				ops = 0
			}
		}
		if braces+inner+ops > maxDepth {
			return true
		}
	}
	return false
}

// deepTokens counts what makes the parser recurse: what is open, and the operators and indexes of
// each expression that is not at its end yet.
func deepTokens(tokens hclsyntax.Tokens) bool {
	type level struct {
		opener hclsyntax.TokenType
		ops    int
	}
	stack := []level{{}}
	total := 0
	for _, t := range tokens {
		top := &stack[len(stack)-1]
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			stack = append(stack, level{opener: t.Type})
			total++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if len(stack) == 1 {
				continue
			}
			total -= 1 + top.ops
			opener := top.opener
			stack = stack[:len(stack)-1]
			if opener == hclsyntax.TokenOBrack || opener == hclsyntax.TokenTemplateControl {
				stack[len(stack)-1].ops++
				total++
			}
		case hclsyntax.TokenComma:
			total -= top.ops
			top.ops = 0
		case hclsyntax.TokenNewline:
			if top.opener == hclsyntax.TokenOBrace || len(stack) == 1 {
				total -= top.ops
				top.ops = 0
			}
		case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
			hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenEqualOp,
			hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan,
			hclsyntax.TokenGreaterThanEq:
			top.ops++
			total++
		}
		if total > maxDepth {
			return true
		}
	}
	return false
}
