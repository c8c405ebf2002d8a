package grammar_test

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
)

// The schemas that OpenAI's guide to structured outputs shows.
func TestOpenAIExamples(t *testing.T) {
	for _, c := range []struct{ name, schema, yes, no string }{
		{
			"math steps",
			`{"type":"object","properties":{"steps":{"type":"array","items":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"additionalProperties":false}`,
			`{"steps":[{"explanation":"Start with 8x + 7 = -23.","output":"8x + 7 = -23"}],"final_answer":"x = -3.75"}`,
			`{"final_answer":"x","steps":[]}`,
		},
		{
			"linked list",
			`{"type":"object","properties":{"linked_list":{"$ref":"#/$defs/linked_list_node"}},"$defs":{"linked_list_node":{"type":"object","properties":{"value":{"type":"number"},"next":{"anyOf":[{"$ref":"#/$defs/linked_list_node"},{"type":"null"}]}},"additionalProperties":false,"required":["next","value"]}},"additionalProperties":false,"required":["linked_list"]}`,
			`{"linked_list":{"value":1,"next":{"value":2.5,"next":null}}}`,
			`{"linked_list":null}`,
		},
		{
			"what surrounds a schema",
			`{"name":"ui","type":"object"}`,
			``, ``,
		},
		{
			"recursive interface",
			`{"type":"object","properties":{"type":{"type":"string","description":"The type of the UI component","enum":["div","button","header","section","field","form"]},"label":{"type":"string"},"children":{"type":"array","description":"Nested UI components","items":{"$ref":"#"}},"attributes":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"value":{"type":"string"}},"required":["name","value"],"additionalProperties":false}}},"required":["type","label","children","attributes"],"additionalProperties":false}`,
			`{"type":"form","label":"User","children":[{"type":"field","label":"Name","children":[],"attributes":[{"name":"type","value":"text"}]}],"attributes":[]}`,
			`{"type":"table","label":"","children":[],"attributes":[]}`,
		},
		{
			"enum and union",
			`{"type":"object","properties":{"item":{"anyOf":[{"type":"object","description":"The user object","properties":{"name":{"type":"string"},"age":{"type":"number"}},"additionalProperties":false,"required":["name","age"]},{"type":"object","properties":{"number":{"type":"string"},"street":{"type":"string"},"city":{"type":"string"}},"additionalProperties":false,"required":["number","street","city"]}]},"unit":{"type":["string","null"],"enum":["F","C",null]}},"additionalProperties":false,"required":["item","unit"]}`,
			`{"item":{"number":"1","street":"a","city":"b"},"unit":null}`,
			`{"item":{"name":"1","street":"a","city":"b"},"unit":null}`,
		},
		{
			"definitions",
			`{"type":"object","properties":{"steps":{"type":"array","items":{"$ref":"#/$defs/step"}},"final_answer":{"type":"string"}},"$defs":{"step":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"required":["steps","final_answer"],"additionalProperties":false}`,
			`{"steps":[],"final_answer":""}`,
			`{"steps":[{}],"final_answer":""}`,
		},
		{
			"supported properties",
			`{"type":"object","properties":{"username":{"type":"string","description":"begins with @","pattern":"^[a-zA-Z0-9_]+$"},"email":{"type":"string","pattern":"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\\.[a-zA-Z]{2,}$"},"temperature":{"type":"number","minimum":-130,"maximum":130}},"additionalProperties":false,"required":["username","email","temperature"]}`,
			`{"username":"a_b","email":"a@b.org","temperature":-12.5}`,
			`{"username":"a_b","email":"a@b.org","temperature":130.5}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.yes == "" {
				if _, err := grammar.Schema([]byte(c.schema), grammar.Limits{}); err == nil || err.Error() != "/name: the keyword is not supported" {
					t.Fatalf("what surrounds a schema was taken for one: %v", err)
				}
				return
			}
			g := parse(t, c.schema, grammar.Limits{})
			if !matches(t, g, c.yes) {
				t.Errorf("%s is not accepted, after %q", c.yes, longest(g, c.yes))
			}
			if matches(t, g, c.no) {
				t.Errorf("%s is accepted", c.no)
			}
			if err := validator(t, c.schema, false)(c.yes); err != nil {
				t.Error(err)
			}
		})
	}
}
