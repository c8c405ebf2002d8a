package grammar_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
)

// cook makes soup.
type cook struct{ *rand.Rand }

// soup is any keywords in any company.
func (m cook) soup(depth int) string {
	var parts []string
	seen := map[string]bool{}
	put := func(key, value string) {
		if !seen[key] {
			seen[key] = true
			parts = append(parts, strconv.Quote(key)+":"+value)
		}
	}
	list := func(n int, f func(int) string) string {
		var out []string
		for i := range n {
			out = append(out, f(i))
		}
		return strings.Join(out, ",")
	}
	inner := func(int) string { return m.soup(depth - 1) }
	types := []string{`"string"`, `"integer"`, `"number"`, `"object"`, `"array"`, `"null"`, `"boolean"`}
	short := []string{`"a"`, `"b"`, `"ab"`}
	for range 1 + m.IntN(4) {
		switch n := m.IntN(24); {
		case n < 4:
			put("type", types[m.IntN(len(types))])
		case n == 4:
			p := m.Perm(len(types))
			put("type", "["+types[p[0]]+","+types[p[1]]+"]")
		case n == 5:
			values := map[string]bool{}
			var list []string
			for range 4 {
				v := []string{"1", "2", "-3", "2.5", "null", "true", `"a"`, `"ab"`, `""`, `[1]`, `[1,"a"]`, `{"a":1}`, `{"b":"a"}`, `{}`}[m.IntN(14)]
				if !values[v] {
					list = append(list, v)
				}
				values[v] = true
			}
			put("enum", "["+strings.Join(list, ",")+"]")
		case n == 6:
			put("const", []string{"1", "2", `"a"`, "null", `[2]`, `{"a":"b"}`}[m.IntN(6)])
		case n == 7:
			put([]string{"minLength", "minItems"}[m.IntN(2)], strconv.Itoa(m.IntN(4)))
		case n == 8:
			put([]string{"maxLength", "maxItems"}[m.IntN(2)], strconv.Itoa(m.IntN(5)))
		case n == 9:
			put("pattern", strconv.Quote([]string{"^a", "b$", "[ab]+", "^.{2}$", "^a?b*$", "x|y", "^\\s*$", "^\\S$"}[m.IntN(8)]))
		case n == 10:
			put("format", strconv.Quote([]string{"date", "ipv4", "uuid"}[m.IntN(3)]))
		case n == 11:
			put([]string{"minimum", "exclusiveMinimum"}[m.IntN(2)], fmt.Sprint(float64(m.IntN(13)-6)/2))
		case n == 12:
			put([]string{"maximum", "exclusiveMaximum"}[m.IntN(2)], fmt.Sprint(float64(m.IntN(13)-3)/2))
		case n == 13:
			put("required", "["+strings.Join(short[:1+m.IntN(2)], ",")+"]")
		case n == 14:
			put("multipleOf", "1.0")
		case depth == 0:
		case n < 17:
			put("properties", "{"+list(1+m.IntN(3), func(i int) string { return short[i] + ":" + inner(0) })+"}")
		case n == 17:
			put("additionalProperties", []string{"false", "true", inner(0)}[m.IntN(3)])
		case n == 18:
			put("items", inner(0))
		case n == 19:
			put("prefixItems", "["+list(1+m.IntN(2), inner)+"]")
		case n == 20:
			put("allOf", "["+list(1+m.IntN(3), inner)+"]")
		case n == 21:
			put("anyOf", "["+list(1+m.IntN(3), inner)+"]")
		case n == 22:
			put("oneOf", "["+list(1+m.IntN(3), inner)+"]")
		case n == 23:
			put("$ref", `"#/$defs/`+[]string{"x", "y"}[m.IntN(2)]+`"`)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// pool are texts that a schema of soup may well allow.
var pool = strings.Fields(`null true 0 1 -3 2.5 -0.5 100 "" "a" "ab" "abb" "xyzzy" "b" [] [1] ["a"] [1,"a"] [null,null,null] [[1]] {} "1.2.3.4" 2`)

// lacks is a text of the pool that is valid and is not in the grammar. g is nil where nothing is said to be valid. What
// comes after prefixItems is left out on purpose.
func lacks(schema string, g *grammartest.Grammar, valid func(string) error) (text string, tried int) {
	if strings.Contains(schema, "prefixItems") {
		return "", 0
	}
	for _, text := range pool {
		if valid(text) != nil {
			continue
		}
		tried++
		if g == nil {
			return text, tried
		}
		if ok, err := g.Match(text); !ok || err != nil {
			return text, tried
		}
	}
	return "", tried
}

// Keywords that fit and keywords that do not: whatever is made of them is sound, and leaves out no small text.
func TestKeywordSoup(t *testing.T) {
	const soups = 4000
	made, texts, found, refused := 0, 0, 0, map[string]int{}
	for seed := range uint64(soups) {
		r := rand.New(rand.NewPCG(seed, 11))
		m := cook{r}
		schema := `{"$defs":{"x":` + m.soup(2) + `,"y":` + m.soup(1) + `},"allOf":[` + m.soup(3) + `]}`
		text, err := grammar.Schema([]byte(schema), grammar.Limits{Nesting: 2})
		if err != nil {
			refused[err.Error()[strings.LastIndex(err.Error(), ": ")+2:]]++
			if strings.HasPrefix(err.Error(), "/: nothing is valid") {
				if text, _ := lacks(schema, nil, validator(t, schema, false)); text != "" {
					t.Fatalf("seed %d: %s is valid by\n%s\nof which it is said: %v", seed, text, schema, err)
				}
			}
			continue
		}
		made++
		g, err := grammartest.Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %s: %v\n%s", seed, schema, err, text)
		}
		valid := validator(t, schema, false)
		lack, tried := lacks(schema, g, valid)
		if lack != "" {
			t.Fatalf("seed %d: %s is valid by\n%s\nand not in\n%s", seed, lack, schema, text)
		}
		found += tried
		for i := range 8 {
			out, err := g.Generate(r, []int{0, 3, 10, 40}[i%4])
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, schema, err)
			}
			if err := valid(out); err != nil {
				t.Fatalf("seed %d: the grammar of\n%s\nwrites\n%s\nwhich is not valid: %v\n%s", seed, schema, out, err, text)
			}
			texts++
		}
	}
	t.Logf("%d schemas, %d made, %d texts valid, %d of the pool accepted; refused: %v", soups, made, texts, found, refused)
	if made < soups/2 {
		t.Errorf("only %d of %d have a grammar", made, soups)
	}
}
