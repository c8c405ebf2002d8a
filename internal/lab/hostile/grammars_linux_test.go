package hostile_test

import (
	"fmt"
	"strings"
	"testing"
)

// schemas are JSON schemas that would be too much for who takes them at their word.
func schemas() map[string]string {
	nested := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	var wide, branches, doubling strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&wide, `,"property%d":{"type":"string"}`, i)
		fmt.Fprintf(&branches, `,{"const":%d}`, i)
	}
	for i := range 30 {
		fmt.Fprintf(&doubling, `,"d%d":{"type":"object","required":["a","b"],"properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}`, i, i+1, i+1)
	}
	pattern := func(p string) string { return `{"type":"string","pattern":` + quote(p) + `}` }
	return map[string]string{
		"deep":                  nested(15, `{"type":"array","items":`, `{"type":"integer"}`, "}"),
		"deeper than JSON here": nested(3000, `{"type":"array","items":`, `{}`, "}"),
		"wide":                  `{"type":"object","properties":{` + wide.String()[1:] + `}}`,
		"all required":          `{"type":"object","additionalProperties":false,"properties":{` + wide.String()[1:] + `},"required":["property1","property4999"]}`,
		"many branches":         `{"anyOf":[` + branches.String()[1:] + `]}`,
		"refers to itself":      `{"$ref":"#"}`,
		"refers to each other":  `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"allOf of itself":       `{"allOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		"doubles 30 times":      `{"$ref":"#/$defs/d0","$defs":{"d30":{"type":"null"}` + doubling.String() + `}}`,
		"needs itself":          `{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","required":["a"],"properties":{"a":{"$ref":"#/$defs/a"}}}}}`,
		"refers elsewhere":      `{"$ref":"file:///etc/passwd"}`,
		"refers to the web":     `{"$ref":"http://169.254.169.254/latest/meta-data"}`,
		"refers to nothing":     `{"$ref":"#/$defs/none"}`,
		"long pattern":          pattern("^" + strings.Repeat("[a-z]?", 50_000) + "$"),
		"catastrophic pattern":  pattern("^(a+)+$"),
		"repeated repetition":   pattern("^((((a{1,1000}){1,1000}){1,1000}){1,1000})$"),
		"exponential automaton": pattern("^(a|b)*a(a|b){40}$"),
		"open pattern":          pattern("(((((("),
		"back reference":        pattern(`^(a)\1$`),
		"look-ahead":            pattern(`^(?=a)b$`),
		"huge length":           `{"type":"string","minLength":1000000000,"maxLength":2000000000}`,
		"length 2^64":           `{"type":"string","minLength":18446744073709551616}`,
		"items without end":     `{"type":"array","minItems":1000000000,"items":{"type":"integer"}}`,
		"impossible":            `{"type":"integer","minimum":5,"maximum":4}`,
		"false":                 `false`,
		"a wide range":          `{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}`,
		"numbers of no float64": `{"type":"number","multipleOf":1e-300}`,
		"a type that is none":   `{"type":"what"}`,
		"a list of types":       `{"type":["string","null","string",1]}`,
		"a long enumeration":    `{"enum":["` + strings.Repeat("x", 200_000) + `"]}`,
		"NUL in a name":         `{"type":"object","properties":{"a\u0000b":{"type":"null"}},"required":["a\u0000b"]}`,
		"an array":              `[]`,
		"a text":                `"string"`,
	}
}

// grammars are such in GBNF.
func grammars() map[string]string {
	var many strings.Builder
	many.WriteString("root ::= r0\n")
	for i := range 20_000 {
		fmt.Fprintf(&many, "r%d ::= \"a\" | r%d\n", i, i+1)
	}
	var doubling strings.Builder
	doubling.WriteString("root ::= d0\n")
	for i := range 60 {
		fmt.Fprintf(&doubling, "d%d ::= d%d d%d\n", i, i+1, i+1)
	}
	doubling.WriteString("d60 ::= \"a\"\n")
	return map[string]string{
		"left recursion":            `root ::= root "a" | "b"`,
		"left recursion of two":     "root ::= a \"x\"\na ::= b \"y\" | \"z\"\nb ::= a \"w\" | \"v\"",
		"left recursion of nothing": "root ::= a root \"x\" | \"y\"\na ::= \"\"",
		"nothing again and again":   `root ::= ("")*`,
		"nothing in nothing":        `root ::= (("")*)* "a"`,
		"huge repetition":           `root ::= "a"{1000000}`,
		"repetition of 2^64":        `root ::= "a"{18446744073709551616}`,
		"nested repetition":         `root ::= (((("a"{1,100}){1,100}){1,100}){1,100}){1,100}`,
		"backward repetition":       `root ::= "a"{5,2}`,
		"undefined rule":            `root ::= nowhere`,
		"no root":                   `start ::= "a"`,
		"no grammar":                "what is this",
		"open quote":                `root ::= "a`,
		"open bracket":              `root ::= [a-`,
		"backward range":            `root ::= [z-a]`,
		"1 MB":                      `root ::= "` + strings.Repeat("a", 900_000) + `"`,
		"deep parentheses":          "root ::= " + strings.Repeat("(", 100_000) + `"a"` + strings.Repeat(")", 100_000),
		"many rules":                many.String(),
		"doubles 60 times":          doubling.String(),
		"NUL":                       "root ::= \"a\x00b\"",
		"a character that is none":  `root ::= "\U00110000"`,
		"half a character":          `root ::= "\uD800"`,
		"bad escape":                `root ::= "\xZZ"`,
		"a token that is none":      `root ::= <[999999999]>`,
		"it never ends":             `root ::= "a" root`,
		"only blanks":               "  \n\n ",
	}
}

// A schema or grammar that is too much is refused with what is wrong with it, or holds; whichever, the engine is there for the next.
func TestHostileGrammars(t *testing.T) {
	s := start(t, nil)
	before := s.AwaitReady(t)
	goroutines := metric(t, s, "go_goroutines")
	points, hit, tally := 0, 0, map[int]int{}
	ask := func(kind, name, path, body string) {
		points++
		a := post(t, s, path, body)
		tally[a.status]++
		switch a.status {
		case 200:
			hit++
		case 400, 413:
			hit++
			f, err := problem(a.body)
			if err != nil || f.Code == "" {
				t.Errorf("%s %s: %+v %v", kind, name, f, err)
			}
			t.Logf("%s %s: %s: %.200s", kind, name, f.Param, f.Message)
		default:
			t.Errorf("%s %s: %d %.300s", kind, name, a.status, a.body)
		}
	}
	for name, schema := range schemas() {
		ask("schema", name, "/v1/chat/completions", `{"messages":[{"role":"user","content":"a"}],"max_tokens":8,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":`+schema+`}}}`)
		ask("tool", name, "/v1/chat/completions", `{"messages":[{"role":"user","content":"a"}],"max_tokens":8,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":`+schema+`}}]}`)
	}
	for name, grammar := range grammars() {
		ask("grammar", name, "/v1/completions", `{"prompt":"a","max_tokens":8,"grammar":`+quote(grammar)+`}`)
	}
	t.Logf("%d points, %d hit; answers by status: %v", points, hit, tally)
	if points != hit || tally[200] == 0 || tally[400] == 0 {
		t.Errorf("%d points, %d hit: %v", points, hit, tally)
	}
	unharmed(t, s, before, goroutines)
}
