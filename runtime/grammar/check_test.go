package grammar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
)

// What llama.cpp's own examples are written like is let pass.
func TestCheckPasses(t *testing.T) {
	for name, text := range map[string]string{
		"one rule":     `root ::= "a"`,
		"comments":     "# first\nroot ::= \"a\" # then\n  # and\n\nb ::= root\r\n",
		"alternatives": "root ::= \"a\" |\n  \"b\" | (\n \"c\"\n | \"d\" )\n",
		"escapes":      `root ::= "\"\\\n\t\r\x41\u00e9\U0001F600" [\]\[\\^a-] [^"\\\x7F] .`,
		"repetitions":  `root ::= "a"{2} "b"{2,} [cd]{0,3} ("e" "f"){1,2}? "g"* "h"+ "i"{0}`,
		"names":        "root ::= 0-a-B9\n0-a-B9 ::= \"x\"",
		"empty rule":   "root ::= \"a\" ws\nws ::=\n",
		"recursion":    "root ::= \"(\" root \")\" | \"x\"\n",
		"json": `root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4})
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

ws ::= | " " | "\n" [ \t]{0,20}
`,
		"arithmetic": `root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
`,
		"chess": `root ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move ::= (pawn | nonpawn | castle) [+#]?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle ::= "O-O" "-O"?
`,
		"words": `root ::= "` + strings.Join(strings.Split(strings.Repeat("word,", 400), ",")[:400], `" | "`) + `"`,
	} {
		if err := grammar.Check(text, grammar.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	chain := "root ::= r0\n"
	for i := range 40 {
		chain += fmt.Sprintf("r%d ::= r%d | r%d\n", i, i+1, i+1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"no root", `start ::= "a"`, "line 1, column 1: there is no rule root"},
		{"nothing", ``, "line 1, column 1: there is no rule root"},
		{"undefined rule", "root ::= \"a\"\n  # x\nx ::= \"é\" nowhere", "line 3, column 11: the rule nowhere is not defined"},
		{"defined twice", "root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule root is defined twice"},
		{"no text's end", `root ::= "a`, "line 1, column 10: the text in quotes has no end"},
		{"no class's end", `root ::= [a`, "line 1, column 10: the class has no end"},
		{"empty class", `root ::= []`, "line 1, column 10: the class is empty"},
		{"range backwards", `root ::= [z-a]`, "line 1, column 13: the range ends before it begins"},
		{"unknown escape", `root ::= "\d"`, "line 1, column 11: an escape that GBNF does not have"},
		{"short escape", `root ::= "\u12"`, "line 1, column 11: 4 hexadecimal digits are expected"},
		{"underscore", `root ::= a_b`, "line 1, column 11: the end of the line is expected, not '_'"},
		{"one colon", `root : "a"`, "line 1, column 6: ::= is expected"},
		{"alternatives on the next line", "root ::= \"a\"\n | \"b\"", "line 2, column 2: the name of a rule is expected: letters, digits and '-'"},
		{"parenthesis", "root ::= (\"a\"\n", "line 2, column 1: ')' is expected, for the '(' in line 1"},
		{"nothing to repeat", `root ::= * "a"`, "line 1, column 10: there is nothing before it to repeat"},
		{"repeated empty text", `root ::= ""*`, "line 1, column 12: there is nothing before it to repeat"},
		{"repeated twice where it is gone", `root ::= "a"{0}*`, "line 1, column 16: there is nothing before it to repeat"},
		{"repetition backwards", `root ::= "a"{3,1}`, "line 1, column 17: {3,1} ends before it begins"},
		{"repetition too often", `root ::= "a"{2001}`, "line 1, column 14: more than 2000 repetitions"},
		{"repetition of 2^64", `root ::= "a"{18446744073709551617}`, "line 1, column 14: more than 2000 repetitions"},
		{"repetition without a number", `root ::= "a"{,3}`, "line 1, column 14: a number is expected"},
		{"repetitions multiply", `root ::= "a"{1000}{1000}`, "line 1, column 19: written out, the grammar has more than 131072 elements: use smaller repetitions"},
		{"repetitions of long text", `root ::= (("a" "b" "c"){0,900} "` + strings.Repeat("x", 200) + `"){2000}{2000}`, "more than 131072 elements"},
		{"tokens", `root ::= <[1]>`, "line 1, column 10: tokens are not supported: write their text"},
		{"NUL", "root ::= \"a\x00\"", "line 1, column 12: a NUL byte"},
		{"not UTF-8", "root ::= \"a\xff\"", "line 1, column 12: not UTF-8"},
		{"groups", `root ::= ` + strings.Repeat("(", 40) + `"a"` + strings.Repeat(")", 40), "line 1, column 42: parentheses nest more than 32 deep"},
		{"bytes", `root ::= "` + strings.Repeat("a", 70000) + `"`, "line 1, column 1: the grammar has 70011 bytes, and may have 65536"},
		{"rules", "root ::= \"a\"\n" + func() string {
			var b strings.Builder
			for i := range 4200 {
				fmt.Fprintf(&b, "r%d ::= \"a\"\n", i)
			}
			return b.String()
		}(), "line 4097, column 1: more than 4096 rules"},
		{"left recursion", "root ::= root \"a\" | \"b\"", "line 1, column 1: the rule root begins with itself, or repeats what may be empty, by way of the rule root"},
		{"left recursion by another", "root ::= a\na ::= b \"x\"\nb ::= a | \"y\"", "line 3, column 1: the rule b begins with itself, or repeats what may be empty, by way of the rule a"},
		{"left recursion through what may be empty", "root ::= ws ws root \"a\" | \"b\"\nws ::= \" \"*", "line 1, column 1: the rule root begins with itself, or repeats what may be empty, by way of the rule root"},
		{"left recursion through what is empty by way of others", "root ::= e root \"a\" | \"b\"\ne ::= f f\nf ::= \"\" | \"x\"", "the rule root begins with itself"},
		{"empty loop", `root ::= ("")*`, "line 1, column 14: the rule root begins with itself, or repeats what may be empty, by way of the rule root"},
		{"loop of a loop", `root ::= ("a"*)*`, "begins with itself, or repeats what may be empty"},
		{"loop of what is empty by way of others", "root ::= e+\ne ::= f f\nf ::= \"x\"?", "begins with itself, or repeats what may be empty"},
		{"paths that double", chain + "r40 ::= \"a\"\n", "can begin in more than 512 ways"},
		{"empty ways that multiply", "root ::= \"a\" e e e e \"b\"\ne ::= | | | | | | |", "can go on in more than 512 ways"},
		{"optional ones in a bounded repetition", `root ::= ("a"?){1500} "b"`, "can begin in more than 512 ways"},
		{"too many words", `root ::= "` + strings.Join(strings.Split(strings.Repeat("word,", 600), ",")[:600], `" | "`) + `"`, "line 1, column 1: the rule root can begin in more than 512 ways"},
		{"nested alternatives that begin alike", "root ::= \"(\" root \"a\" | \"(\" root \"b\" | \"x\"\n", "more than 512 alternatives are open at once after \"(((((((("},
		{"nested alternatives that begin alike, by way of others", "root ::= a | b | [x-z]+\na ::= o root \"a\"\nb ::= [(<] root? \"b\"\no ::= [<]", "more than 512 alternatives are open at once"},
		{"behind what has more alternatives at first", "root ::= " + strings.Repeat(`num "-" | `, 9) + "nest\nnum ::= [0-9]+\nnest ::= \"(\" nest \"a\" | \"(\" nest \"b\" | num", "alternatives are open at once"},
		{"empty ends that double", "root ::= \"(\" root e | \"x\"\ne ::= | ", "alternatives are open at once"},
	} {
		err := grammar.Check(c.text, grammar.Limits{})
		var e *grammar.SyntaxError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
