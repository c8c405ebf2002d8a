package grammar_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
)

// hostile are schemas that ask for too much. Where want is "" they have a grammar.
func hostile() []struct{ name, schema, want string } {
	list := func(n int, f func(i int) string) string {
		var parts []string
		for i := range n {
			parts = append(parts, f(i))
		}
		return strings.Join(parts, ",")
	}
	double := func(keyword, last string) string { // each definition needs the next one twice
		return `{"$ref":"#/$defs/d0","$defs":{` + list(60, func(i int) string {
			return fmt.Sprintf(`"d%d":{%q:[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, keyword, i+1, i+1)
		}) + `,"d60":` + last + `}}`
	}
	return []struct{ name, schema, want string }{
		{"bytes", `{"title":"` + strings.Repeat("x", 70000) + `"}`, "the schema has 70012 bytes, and may have 65536"},
		{"depth of items", strings.Repeat(`{"items":`, 5000) + `true` + strings.Repeat(`}`, 5000), "the schema nests too deep"},
		{"depth of lists", strings.Repeat(`[`, 60000), "the schema nests too deep"},
		{"depth of an enum", `{"enum":[` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `]}`, "the schema nests too deep"},
		{"references to one", `{"anyOf":[` + list(2900, func(int) string { return `{"$ref":"#/$defs/a"}` }) + `],"$defs":{"a":{"type":"null"}}}`, ""},
		{"a chain of references", `{"$ref":"#/$defs/0","$defs":{` + list(1700, func(i int) string { return fmt.Sprintf(`"%d":{"$ref":"#/$defs/%d"}`, i, i+1) }) + `,"1700":{"type":"null"}}}`, ""},
		{"a circle of references", `{"$ref":"#/$defs/0","$defs":{` + list(100, func(i int) string { return fmt.Sprintf(`"%d":{"$ref":"#/$defs/%d"}`, i, (i+1)%100) }) + `}}`, "leads back to itself"},
		{"a circle through anyOf", `{"anyOf":[{"type":"null"},{"$ref":"#"}]}`, "leads back to itself"},
		{"a circle through allOf", `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"oneOf":[{"$ref":"#"}]}}}`, "leads back to itself"},
		{"a circle in an enum", `{"enum":[[1],[[2]]],"items":{"$ref":"#/$defs/a"},"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"integer"}]}}}`, "references lead too deep"},
		{"a long pointer", `{"$ref":"#` + strings.Repeat("/a", 20000) + `"}`, "there is no"},
		{"allOf that doubles", double("allOf", `{"type":"null"}`), ""},
		{"anyOf that doubles", double("anyOf", `{"type":"null"}`), ""},
		{"oneOf that doubles", double("oneOf", `{"type":"null"}`), "cannot be told apart"},
		{"anyOf times anyOf", `{"allOf":[` + list(40, func(i int) string {
			return fmt.Sprintf(`{"anyOf":[{"minLength":%d},{"maxLength":%d}]}`, i, 100+i)
		}) + `]}`, "alternatives"},
		{"members that multiply", `{"allOf":[` + list(10, func(i int) string {
			return `{"properties":{` + list(5, func(j int) string {
				return fmt.Sprintf(`"p":{"anyOf":[{"minimum":%d},{"maximum":%d}]}`, i, j)
			})[:40] + `}}`
		}) + `]}`, "the schema is not JSON"},
		{"recursion that multiplies", `{"$defs":{` + list(12, func(i int) string {
			return fmt.Sprintf(`"t%d":{"properties":{"a":{"allOf":[{"$ref":"#/$defs/t%d"},{"$ref":"#/$defs/t%d"}]}}}`, i, (i*5+1)%12, (i*7+2)%12)
		}) + `},"$ref":"#/$defs/t0"}`, ""},
		{"a huge enum", `{"enum":[` + list(9000, func(i int) string { return fmt.Sprint(i * 7) }) + `]}`, ""},
		{"a huge enum of texts", `{"enum":[` + list(4000, func(i int) string { return fmt.Sprintf(`"%x"`, uint32(i)*2654435761) }) + `]}`, ""},
		{"enums that are compared", `{"allOf":[{"enum":[` + list(5000, func(i int) string { return fmt.Sprint(i) }) + `]},{"enum":[` + list(5000, func(i int) string { return fmt.Sprint(-i) }) + `]}]}`, ""},
		{"enums that are compared in pairs", `{"oneOf":[` + list(400, func(i int) string {
			return `{"enum":[` + list(25, func(j int) string { return fmt.Sprint(i*25 + j) }) + `]}`
		}) + `]}`, "too much work"},
		{"an enum that nests in the grammar", `{"enum":[` + list(300, func(i int) string { return `"` + strings.Repeat("a", i) + `"` }) + `]}`, ""},
		{"a huge exponent", `{"type":"number","minimum":1e999999999}`, "too many digits"},
		{"a huge number", `{"type":"number","minimum":` + strings.Repeat("9", 60000) + `}`, "too many digits"},
		{"a huge number in an enum", `{"enum":[1e99999999999999999999]}`, "too many digits"},
		{"a huge count", `{"type":"array","minItems":1e60}`, "at most 1024 is supported"},
		{"negative count", `{"type":"array","minItems":-1}`, "a whole number from 0 on"},
		{"items that multiply", strings.Repeat(`{"type":"array","minItems":1000,"items":`, 20) + `true` + strings.Repeat(`}`, 20), "nothing of a length that could be written"},
		{"many repetitions", `{"properties":{` + list(500, func(i int) string { return fmt.Sprintf(`"p%d":{"type":"array","maxItems":%d}`, i, 500+i) }) + `}}`, "too costly"},
		{"many lengths", `{"anyOf":[` + list(400, func(i int) string { return fmt.Sprintf(`{"type":"string","maxLength":%d}`, 60000+i) }) + `]}`, "the grammar that it needs is too costly"},
		{"not UTF-8", "{\"title\":\"\xff\"}", "not UTF-8"},
		{"a NUL", "{\"title\":\"\x00\"}", "not JSON"},
		{"a NUL between", "{}\x00", "not JSON"},
		{"a NUL in a name", `{"properties":{"a\u0000b":{"const":"\u0000"}},"required":["a\u0000b"]}`, ""},
		{"half a pair", `{"const":"\ud83d"}`, "half a surrogate pair"},
		{"a regex that needs many states", `{"type":"string","pattern":"(a|b)*a(a|b){20}$"}`, "too many states"},
		{"repetitions in a regex", `{"type":"string","pattern":"((((a{1000}){1000}){1000}){1000})"}`, "too many states"},
		{"groups in a regex", `{"type":"string","pattern":"` + strings.Repeat("(", 30000) + `"}`, "groups nest more than 32 deep"},
		{"stars in a regex", `{"type":"string","pattern":"^` + strings.Repeat("(a*)*", 300) + `$"}`, ""},
		{"optional ones in a regex", `{"type":"string","pattern":"^` + strings.Repeat("a?", 1000) + strings.Repeat("a", 1000) + `$"}`, "too many states"},
		{"classes in a regex", `{"type":"string","pattern":"^[` + strings.Repeat(`a-zA-Z\\d\\w\\s`, 3000) + `]+$"}`, ""},
		{"many patterns", `{"allOf":[` + list(40, func(i int) string { return fmt.Sprintf(`{"type":"string","pattern":"%d.*%d"}`, i, i+1) }) + `]}`, "states"},
		{"patterns that are compared", `{"oneOf":[` + list(90, func(i int) string { return fmt.Sprintf(`{"type":"string","pattern":"^[a-z]{0,40}%d$"}`, i) }) + `]}`, ""},
		{"branches that begin alike, nested", `{"anyOf":[{"type":"object","properties":{"a":{"$ref":"#"},"b":{"const":1}},"required":["a","b"]},{"type":"object","properties":{"a":{"$ref":"#"},"c":{"const":1}},"required":["a","c"]},{"type":"null"}]}`, "alternatives are open at once"},
		{"many properties", `{"properties":{` + list(1000, func(i int) string { return fmt.Sprintf(`"property%d":{"type":"null"}`, i) }) + `},"additionalProperties":false}`, "too costly"},
		{"too many properties", `{"properties":{` + list(1500, func(i int) string { return fmt.Sprintf(`"p%d":{"type":"null"}`, i) }) + `},"additionalProperties":false}`, "more than 1024 are not supported"},
		{"many required", `{"required":[` + list(3000, func(i int) string { return fmt.Sprintf(`"p%d"`, i) }) + `]}`, "more than 1024 are not supported"},
		{"long names", `{"properties":{"` + strings.Repeat("n", 60000) + `":true},"additionalProperties":true}`, "too long, taken together"},
		{"objects with many names", `{"anyOf":[` + list(60, func(i int) string {
			return fmt.Sprintf(`{"properties":{"%d%s":true},"additionalProperties":true}`, i, strings.Repeat("k", 900))
		}) + `]}`, "too many"},
	}
}

// What is hostile ends within its limits: steps, and memory.
func TestHostileSchemas(t *testing.T) {
	for _, c := range hostile() {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			text, err := grammar.Schema([]byte(c.schema), grammar.Limits{})
			runtime.ReadMemStats(&after)
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 300 {
				t.Errorf("it took %d MiB", mib)
			}
			var e *grammar.Error
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", clipped(err.Error()))
			case c.want == "" && len(text) > grammar.DefaultOutput+64<<10:
				t.Errorf("the grammar has %d bytes", len(text))
			case c.want != "" && (!errors.As(err, &e) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func clipped(s string) string { return s[max(0, len(s)-200):] }

// Every limit that is lowered is the one that is named.
func TestLimits(t *testing.T) {
	schema := `{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","maxLength":500}},"b":{"enum":[1,2,3]}},"required":["a"]}`
	if _, err := grammar.Schema([]byte(schema), grammar.Limits{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    grammar.Limits
		want string
	}{
		{grammar.Limits{Bytes: 100}, "bytes, and may have 100"},
		{grammar.Limits{Depth: 1}, "nests too deep"},
		{grammar.Limits{Rules: 8}, "too many rules"},
		{grammar.Limits{Elements: 200}, "more than 200 elements"},
		{grammar.Limits{Output: 300}, "a grammar of more than 300 bytes"},
		{grammar.Limits{Work: 20}, "too much work"},
		{grammar.Limits{Stacks: 1}, "in more than 1 ways"},
	} {
		if _, err := grammar.Schema([]byte(schema), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
}
