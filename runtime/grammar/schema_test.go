package grammar_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
)

// parse makes the grammar of a schema.
func parse(t *testing.T, schema string, o grammar.Limits) *grammartest.Grammar {
	t.Helper()
	text, err := grammar.Schema([]byte(schema), o)
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	g, err := grammartest.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v\n%s", schema, err, text)
	}
	return g
}

func matches(t *testing.T, g *grammartest.Grammar, text string) bool {
	t.Helper()
	ok, err := g.Match(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return ok
}

// The lists of texts are separated by spaces, which no compact JSON here has.
func TestSchemas(t *testing.T) {
	for _, c := range []struct{ name, schema, yes, no string }{
		{"null", `{"type":"null"}`, `null`, `nul "" 0`},
		{"boolean", `{"type":"boolean"}`, `true false`, `True 1 null`},
		{"integer", `{"type":"integer"}`, `0 -0 7 -12 1234567890123456`, `01 1.0 1e3 +1 - 12345678901234567`},
		{"integer range", `{"type":"integer","minimum":-17,"maximum":105}`, `-17 -9 0 9 10 99 100 105`, `-18 106 -0 110 200 1000 -20`},
		{"integer exclusive", `{"type":"integer","exclusiveMinimum":9,"exclusiveMaximum":12}`, `10 11`, `9 12 1 110`},
		{"integer both bounds", `{"type":"integer","minimum":3,"exclusiveMinimum":3,"exclusiveMaximum":7,"maximum":7}`, `4 6`, `3 7`},
		{"number both bounds", `{"type":"number","exclusiveMinimum":0.5,"minimum":0.5,"maximum":2,"exclusiveMaximum":2}`, `0.51 1.9`, `0.5 2 0.50`},
		{"integer fraction bounds", `{"type":"integer","minimum":-1.5,"maximum":1.5}`, `-1 0 1`, `-2 2`},
		{"integer beyond its digits", `{"type":"integer","minimum":9999999999999990,"maximum":1e30}`, `9999999999999990 9999999999999999`, `9999999999999989 10000000000000000`},
		{"number", `{"type":"number"}`, `0 -1.5 1e5 1E-05 2.5e+10`, `.5 5. 1e 1e100 00 NaN Infinity 0.12345678901234567`},
		{"number range", `{"type":"number","minimum":-0.5,"exclusiveMaximum":1.25}`, `-0.5 -0.49 -0 0 0.0 1 1.2 1.249 1.24999 -0.500`, `-0.51 -0.5001 1.25 1.3 -1 2 1.250`},
		{"number above", `{"type":"number","exclusiveMinimum":0}`, `0.1 0.0001 1 10.0 9999999999999999`, `0 0.0 -1 -0.1`},
		{"number between neighbours", `{"type":"number","minimum":2.31,"maximum":2.34}`, `2.31 2.310 2.3199 2.32 2.34 2.340`, `2.3 2.309 2.341 2 3`},
		{"number tiny", `{"type":"number","minimum":0,"maximum":1e-5}`, `0 0.0 0.00001 0.000009`, `0.00002 1 0.1`},
		{"multipleOf 1", `{"type":"number","multipleOf":1}`, `3 -4`, `3.5 3.0`},
		{"string", `{"type":"string"}`, `"" "é" "\u00e9" "\ud83d\ude00" "\n\/"`, "\"\n\" \"\x01\" \"\\x\" \"\\ud83d\" \"\\ude00\" \"\\ud83dx\" \"\\u12\" \""},
		{"lengths count code points", `{"type":"string","minLength":2,"maxLength":3}`, `"ab" "abc" "é😀" "\ud83d\ude00x" "\n\\\""`, `"" "a" "abcd" "😀" "\ud83d\ude00"`},
		{"long lengths", `{"type":"string","minLength":100,"maxLength":1000}`, `"` + strings.Repeat("a", 100) + `" "` + strings.Repeat("é", 1000) + `" "` + strings.Repeat("x", 517) + `"`, `"` + strings.Repeat("a", 99) + `" "` + strings.Repeat("a", 1001) + `"`},
		{"pattern", `{"type":"string","pattern":"^[a-c]{2}$"}`, `"ab" "cc"`, `"a" "abc" "AB" "\u0061b"`},
		{"pattern anywhere", `{"type":"string","pattern":"b+c"}`, `"bc" "abbcd" "\nbc\""`, `"b" "" "bac"`},
		{"pattern branches", `{"type":"string","pattern":"^a|b$"}`, `"a" "axy" "b" "xyb"`, `"xa" "bx" ""`},
		{"pattern and length", `{"type":"string","pattern":"^a*$","minLength":2,"maxLength":4}`, `"aa" "aaaa"`, `"a" "aaaaa" "ab"`},
		{"patterns together", `{"allOf":[{"type":"string","pattern":"^[a-m]+$"},{"pattern":"[k-z]"}]}`, `"ak" "k"`, `"a" "az" "z"`},
		{"pattern with quotes", `{"type":"string","pattern":"^\"\\\\\\n$"}`, `"\"\\\n"`, `"\u0022\\\n" "\"\\"`},
		{"date", `{"type":"string","format":"date"}`, `"2024-02-29" "2000-02-29" "2023-12-31"`, `"2023-02-29" "1900-02-29" "2023-04-31" "2023-13-01" "2023-00-10" "0000-01-01" "23-01-01"`},
		{"time", `{"type":"string","format":"time"}`, `"23:59:59Z" "00:00:00.5+02:00"`, `"24:00:00Z" "23:60:00Z" "23:59:60Z" "23:59:59" "23:59:59+24:00"`},
		{"date-time", `{"type":"string","format":"date-time"}`, `"2024-02-29T10:00:00Z"`, `"2024-02-29" "2024-02-30T10:00:00Z"`},
		{"ipv4", `{"type":"string","format":"ipv4"}`, `"1.2.3.4" "255.250.199.0"`, `"256.1.1.1" "1.2.3" "01.2.3.4" "1.2.3.4.5"`},
		{"uuid", `{"type":"string","format":"uuid"}`, `"123e4567-e89b-12d3-a456-426614174000"`, `"123e4567e89b12d3a456426614174000"`},
		{"email", `{"type":"string","format":"email"}`, `"a.b@example.org"`, `"a" "a@b" "@b.c" "a..b@c.de" "a@-b.de"`},
		{"enum", `{"enum":["red","redder",1,12,null,{"a":[1,"é"]},"q\"\n"]}`, `"red" "redder" 1 12 null {"a":[1,"é"]} "q\"\n"`, `"re" 2 "reddest" {"a":[1]} {}`},
		{"enum of a type", `{"type":"string","enum":["a",1,null]}`, `"a"`, `1 null`},
		{"enum within bounds", `{"enum":[1,5,9,"x"],"minimum":4,"maxLength":0}`, `5 9`, `1 "x"`},
		{"const", `{"const":1.50}`, `1.50`, `1 1.5`},
		{"type list", `{"type":["string","null"]}`, `"x" null`, `1 true`},
		{"nullable", `{"type":"string","nullable":true}`, `"x" null`, `1`},
		{"closed object", `{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false}`,
			`{"b":null} {"a":null,"b":null} {"b":null,"c":null} {"a":null,"b":null,"c":null}`, `{} {"a":null} {"b":null,"a":null} {"b":null,"b":null} {"b":null,} {"b":null,"d":null} {,"b":null}`},
		{"only optional", `{"type":"object","properties":{"a":{"const":1},"b":{"const":2}}}`, `{} {"a":1} {"b":2} {"a":1,"b":2}`, `{"b":2,"a":1} {"c":1}`},
		{"other properties", `{"type":"object","properties":{"ab":{"const":1}},"required":["ab"],"additionalProperties":{"type":"boolean"}}`,
			`{"ab":1} {"ab":1,"a":true} {"ab":1,"abc":true,"":false} {"ab":1,"x\"\\":true}`, `{"ab":1,"ab":true} {"x":true} {"ab":1,"a":1} {"ab":1,"\u0061b":true}`},
		{"required but not described", `{"type":"object","required":["a"]}`, `{"a":[1]}`, `{} {"b":1}`},
		{"any object", `{"type":"object"}`, `{} {"a":{"b":[1,{}]}}`, `[] null`},
		{"impossible property", `{"type":"object","properties":{"a":false,"b":{"const":1}},"additionalProperties":true}`, `{} {"b":1} {"c":1}`, `{"a":1}`},
		{"array", `{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, `[1] [1,2] [1,2,3]`, `[] [1,2,3,4] [1,] ["a"]`},
		{"array exactly", `{"type":"array","items":{"const":1},"minItems":2,"maxItems":2}`, `[1,1]`, `[] [1] [1,1,1]`},
		{"empty array", `{"type":"array","items":{"const":1},"maxItems":0}`, `[]`, `[1]`},
		{"array of nothing", `{"type":"array","items":false}`, `[]`, `[1]`},
		{"tuple", `{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":1,"maxItems":4}`, `[1] [1,2] [1,2,3] [1,2,3,3]`, `[] [2] [1,3] [1,2,3,3,3]`},
		{"tuple of old", `{"type":"array","items":[{"const":1}],"additionalItems":{"const":2}}`, `[] [1] [1,2,2]`, `[2] [1,1]`},
		{"closed tuple", `{"type":"array","prefixItems":[{"const":1}],"items":false}`, `[] [1]`, `[1,1]`},
		{"anyOf", `{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1},{"const":"long"}]}`, `1 "a" "long"`, `"ab" null`},
		{"anyOf beside others", `{"type":"string","anyOf":[{"minLength":3},{"maxLength":1},{"type":"null"}]}`, `"" "a" "abc"`, `"ab" null`},
		{"anyOf in an object", `{"type":"object","properties":{"k":{"type":"string"},"v":{"const":1}},"anyOf":[{"required":["k"]},{"required":["v"]}],"additionalProperties":false}`, `{"k":""} {"v":1} {"k":"","v":1}`, `{}`},
		{"oneOf by constant", `{"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"x":{"const":1}},"required":["t"]},{"type":"object","properties":{"t":{"const":"b"},"y":{"const":2}},"required":["t"]}]}`, `{"t":"a"} {"t":"a","x":1} {"t":"b","y":2}`, `{"t":"a","y":2} {"x":1} {"t":"c"}`},
		{"oneOf by range", `{"oneOf":[{"type":"integer","maximum":3},{"type":"number","exclusiveMinimum":3}]}`, `3 3.5 4 -1`, `2.5`},
		{"oneOf by pattern", `{"type":"string","oneOf":[{"pattern":"^a"},{"pattern":"^b"}]}`, `"a" "bx"`, `"c" ""`},
		{"allOf", `{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":5},"b":{"const":1}}}]}`, `{"a":5} {"a":77,"b":1}`, `{"a":4} {"b":1} {}`},
		{"allOf closed", `{"allOf":[{"type":"object","properties":{"a":{"const":1}},"additionalProperties":false},{"properties":{"b":{"const":2}}}]}`, `{} {"a":1}`, `{"b":2} {"a":1,"b":2}`},
		{"allOf of anyOf", `{"allOf":[{"anyOf":[{"type":"string"},{"type":"integer"}]},{"anyOf":[{"type":"integer"},{"type":"null"}]}]}`, `1`, `null "a"`},
		{"refs", `{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"integer"}}}`, `1`, `"a"`},
		{"ref beside others", `{"$ref":"#/definitions/n","maximum":3,"definitions":{"n":{"type":"integer","minimum":1}}}`, `1 2 3`, `0 4`},
		{"recursion", `{"type":"object","properties":{"v":{"const":1},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}`, `{"v":1,"next":null} {"v":1,"next":{"v":1,"next":null}}`, `{"v":1} {"v":1,"next":{}}`},
		{"optional recursion without an end", `{"type":"object","properties":{"v":{"$ref":"#/$defs/e"}},"$defs":{"e":{"type":"object","properties":{"e":{"$ref":"#/$defs/e"}},"required":["e"]}}}`, `{}`, `{"v":{}} {"v":{"e":{}}}`},
		{"true", `true`, `1 "" {} [] [[1]] {"a":{"b":null}}`, `tru {"a"}`},
		{"untyped", `{"minLength":2,"maximum":1}`, `"ab" 1 null [] {}`, `"a" 2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := parse(t, c.schema, grammar.Limits{})
			valid := validator(t, strings.Replace(c.schema, `"type":"string","nullable":true`, `"type":["string","null"]`, 1), strings.Contains(c.schema, "additionalItems"))
			for _, text := range strings.Split(c.yes, " ") {
				if !matches(t, g, text) {
					t.Errorf("%s is not accepted, after %q", text, longest(g, text))
				}
				if err := valid(text); err != nil {
					t.Errorf("%s is accepted: %v", text, err)
				}
			}
			for _, text := range strings.Split(c.no, " ") {
				if matches(t, g, text) {
					t.Errorf("%s is accepted", text)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"properties":{"a":{"type":"string","pattern":"(?=x)"}}}`, `/properties/a/pattern: the pattern is not supported: a group that begins with "(?": lookaround, names and flags`},
		{`{"type":"string","pattern":"\\bx"}`, `/pattern: the pattern is not supported: the escape \b`},
		{`{"type":"string","pattern":"(a)\\1"}`, `/pattern: the pattern is not supported: the escape \1`},
		{`{"type":"string","pattern":"a^b"}`, `/pattern: the pattern is not supported: '^' that is not at the start`},
		{`{"type":"string","pattern":"a{2"}`, `/pattern: the pattern is not supported: a quantifier that is not {m}, {m,} or {m,n}`},
		{`{"type":"string","pattern":"[z-a]"}`, `/pattern: the pattern is not supported: a range in a class that is not from a character to a later one`},
		{`{"type":"string","pattern":"\\ud83d"}`, `/pattern: the pattern is not supported: an escape that is half a surrogate pair`},
		{`{"type":"string","pattern":"[a-z]{900}.{900}","maxLength":5000}`, `/pattern: it needs too many states, with the lengths that are asked for`},
		{`{"type":"string","maxLength":100000}`, `/maxLength: at most 65536 is supported`},
		{`{"type":"array","maxItems":5000}`, `/maxItems: at most 1024 is supported`},
		{`{"type":"string","format":"hostname"}`, `/format: the format "hostname" is not supported; supported are date, date-time, email, ipv4, time, uuid`},
		{`{"type":"number","multipleOf":0.1}`, `/multipleOf: only multiples of 1 are supported`},
		{`{"type":"number","minimum":0.12345678901234567}`, `/: a bound of the numbers has more digits than are supported`},
		{`{"type":"integer","minimum":5,"maximum":4}`, `/: nothing is valid by the schema, or nothing of a length that could be written`},
		{`{"enum":[]}`, `/enum: it lists nothing`},
		{`{"type":"strin"}`, `/type: there is no type "strin"`},
		{`{"type":3}`, `/type: it should be a string`},
		{`{"nullable":true}`, `/nullable: it needs a type beside it`},
		{`{"items":{"a~/b":1}}`, `/items/a~0~1b: the keyword is not supported`},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"oneOf":[{"type":"string","format":"date"},{"type":"string","format":"ipv4"}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"type":"string","oneOf":[{"pattern":"^.$"},{"pattern":"^\\r$"}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"type":"string","oneOf":[{"pattern":"^\\s$"},{"pattern":"^\\u00a0$"}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"type":"string","oneOf":[{"enum":["a@b"]},{"format":"email"}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"oneOf":[{"type":"object","properties":{"t":{"const":1}}},{"type":"object","properties":{"t":{"const":2}}}]}`, `/oneOf: branches 0 and 1 cannot be told apart: give a required property other constants in each, or use anyOf`},
		{`{"$ref":"http://example.org/x"}`, `/$ref: only references into the schema itself are supported, such as #/$defs/name`},
		{`{"$ref":"#/$defs/x"}`, `/$ref: there is no "#/$defs/x"`},
		{`{"$ref":"#"}`, `/$ref: the reference leads back to itself without a property or an item in between`},
		{`{"properties":{"a":{"$id":"x"}}}`, `/properties/a/$id: it is only supported at the top, as it changes what $ref means`},
		{`{"type":"object","properties":{"n":{"$ref":"#"}},"required":["n"]}`, `/: nothing is valid by the schema, or nothing of a length that could be written`},
		{`{"type":"object","properties":{"a":{"const":1}},"additionalProperties":false,"required":["b"]}`, `/: nothing is valid by the schema, or nothing of a length that could be written`},
		{`{"type":"object","minProperties":1}`, `/minProperties: it is only supported up to the number of required properties`},
		{`{"type":"object","maxProperties":1}`, `/maxProperties: it is only supported where no more properties are possible: with additionalProperties false`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","minimum":3,"definitions":{"a":{"type":"integer"}}}`, `/minimum: this draft ignores what is beside $ref: put both into allOf`},
		{`{"a":1,"a":2}`, `/a: the name is there twice`},
		{`{"const":1e999}`, `/const: a number in it has too many digits`},
		{`[]`, `/: a schema is expected: an object, true or false`},
		{`false`, `/: nothing is valid by the schema, or nothing of a length that could be written`},
		{`{"type":"string"} x`, `/: the schema is not JSON: at byte 18: something comes after the schema`},
		{``, `/: the schema is not JSON: at byte 0: a value is expected`},
	} {
		text, err := grammar.Schema([]byte(c.schema), grammar.Limits{})
		var e *grammar.Error
		if !errors.As(err, &e) || err.Error() != c.want || text != "" {
			t.Errorf("%s: %v, want %s", c.schema, err, c.want)
		}
	}
}

func TestSpaces(t *testing.T) {
	schema := `{"type":"object","properties":{"a":{"type":"array","items":{"const":1}}},"additionalProperties":{"const":2}}`
	compact, spaced := parse(t, schema, grammar.Limits{}), parse(t, schema, grammar.Limits{Spaces: true})
	for text, want := range map[string][2]bool{
		`{"a":[1,1],"b":2}`:     {true, true},
		`{"a": [1, 1], "b": 2}`: {false, true},
		`{"a":  [1]}`:           {false, false},
		`{ "a":[1]}`:            {false, false},
		`{"a" :[1]}`:            {false, false},
		"{\"a\":\n[1]}":         {false, false},
	} {
		if got := [2]bool{matches(t, compact, text), matches(t, spaced, text)}; got != want {
			t.Errorf("%q: compact and spaced %v, want %v", text, got, want)
		}
	}
}

func TestStringLimit(t *testing.T) {
	g := parse(t, `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string","maxLength":8},"c":{"type":"string","pattern":"^x+$"}},"additionalProperties":true}`, grammar.Limits{String: 5})
	for text, want := range map[string]bool{
		`{"a":"12345"}`: true, `{"a":"123456"}`: false, `{"b":"12345678"}`: true, `{"c":"xxxxx"}`: true, `{"c":"xxxxxx"}`: false,
		`{"d":"12345"}`: true, `{"d":"123456"}`: false, `{"longer":1}`: false,
	} {
		if matches(t, g, text) != want {
			t.Errorf("%s: want %v", text, want)
		}
	}
}

func TestAnyJSONObject(t *testing.T) {
	text := grammar.JSON(grammar.Limits{Nesting: 4})
	if err := grammar.Check(text, grammar.Limits{}); err != nil {
		t.Fatal(err)
	}
	g, err := grammartest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{}`: true, `{"a":1,"b":[true,null,{"c":"d"}]}`: true, `{"\u00e9":-0.5e3}`: true, `{"a":[[[]]]}`: true,
		`{"a":[[[[]]]]}`: false, `[]`: false, `1`: false, `{"a":1,}`: false, `{} `: false, "{\"a\":\"\n\"}": false,
	} {
		if matches(t, g, text) != want {
			t.Errorf("%s: want %v", text, want)
		}
	}
}
