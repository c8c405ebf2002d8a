package grammartest_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
)

func parse(t *testing.T, text string) *grammartest.Grammar {
	t.Helper()
	g, err := grammartest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The languages here are known without a grammar.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name, grammar string
		in            func(s string) bool
	}{
		{"as many of both", `root ::= "a" root "b" | ""`, func(s string) bool {
			n := len(s) / 2
			return s == strings.Repeat("a", n)+strings.Repeat("b", n)
		}},
		{"palindromes", `root ::= "a" root "a" | "b" root "b" | [ab]?`, func(s string) bool {
			for i := range len(s) / 2 {
				if s[i] != s[len(s)-1-i] {
					return false
				}
			}
			return true
		}},
		{"two to four", `root ::= [ab]{2,4}`, func(s string) bool { return len(s) >= 2 && len(s) <= 4 }},
		{"three or more", `root ::= ("a" | "b"){3,}`, func(s string) bool { return len(s) >= 3 }},
		{"only three", "root ::= x{3}\nx ::= [^b]", func(s string) bool { return s == "aaa" }},
		{"literals repeat whole", `root ::= "ab"{1,2} "a"*`, func(s string) bool {
			t := strings.TrimRight(s, "a")
			return s == "ab"+strings.Repeat("a", max(len(s)-2, 0)) || strings.HasPrefix(s, "abab") && t == "abab"
		}},
	} {
		g := parse(t, c.grammar)
		n, in := 0, 0
		for length := range 8 {
			for bits := range 1 << length {
				var b strings.Builder
				for i := range length {
					b.WriteByte("ab"[bits>>i&1])
				}
				s := b.String()
				ok, err := g.Match(s)
				if err != nil || ok != c.in(s) {
					t.Errorf("%s: %q: %v (%v), want %v", c.name, s, ok, err, c.in(s))
				}
				if n++; ok {
					in++
				}
				if prefix, err := g.Prefix(s); err != nil || ok && !prefix {
					t.Errorf("%s: %q is no beginning of itself (%v)", c.name, s, err)
				}
			}
		}
		if n != 255 || in == 0 || in == n {
			t.Errorf("%s: %d of %d", c.name, in, n)
		}
	}
}

func TestGenerate(t *testing.T) {
	g := parse(t, "root ::= \"[\" (value (\",\" value)*)? \"]\"\nvalue ::= root | [0-9]{1,3} | \"é😀\"\n")
	distinct := map[string]bool{}
	longest := 0
	for seed := range uint64(300) {
		text, err := g.Generate(rand.New(rand.NewPCG(seed, 0)), 60)
		if err != nil {
			t.Fatal(err)
		}
		again, err := g.Generate(rand.New(rand.NewPCG(seed, 0)), 60)
		if err != nil || again != text {
			t.Fatalf("the same seed gave %q and %q (%v)", text, again, err)
		}
		if ok, err := g.Match(text); err != nil || !ok {
			t.Fatalf("%q is not in the grammar (%v)", text, err)
		}
		distinct[text] = true
		longest = max(longest, len(text))
	}
	if len(distinct) < 60 || longest < 40 {
		t.Errorf("%d different texts, the longest of %d bytes", len(distinct), longest)
	}
}

func TestEndless(t *testing.T) {
	g := parse(t, "root ::= \"a\" root")
	if _, err := g.Generate(rand.New(rand.NewPCG(1, 1)), 5); !errors.Is(err, grammartest.ErrEndless) {
		t.Errorf("%v", err)
	}
	if ok, err := g.Prefix("aaaa"); err != nil || !ok {
		t.Errorf("%v, %v", ok, err)
	}
	if _, err := grammartest.Parse("root ::= root"); err == nil {
		t.Fatal("left recursion was read")
	}
}

func TestOpen(t *testing.T) {
	g := parse(t, "root ::= \"(\" root \"a\" | \"(\" root \"b\" | \"x\"")
	for text, want := range map[string]int{"": 3, "(": 6, "((": 12, "(((": 24, "x": 1, "y": 0} {
		if n, err := g.Open(text); err != nil || n != want {
			t.Errorf("after %q: %d (%v), want %d", text, n, err, want)
		}
	}
}

func TestUses(t *testing.T) {
	g := parse(t, "root ::= [c-e] \"x\" \"\\U0001F600\"")
	for _, c := range []struct {
		lo, hi rune
		want   bool
	}{{'a', 'b', false}, {'a', 'c', true}, {'d', 'd', true}, {'f', 'w', false}, {'x', 'x', true}, {0x1f601, 0x10ffff, false}, {0, 0x10ffff, true}} {
		if g.Uses(c.lo, c.hi) != c.want {
			t.Errorf("%q to %q: want %v", c.lo, c.hi, c.want)
		}
	}
}
