package template

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// traits are what a template expects of messages.
type traits struct {
	content map[string]contentTrait // by role
	// nullFails: null as content fails, or is printed as a word, where "" is not.
	nullFails bool
	// argumentsAsText: the arguments of calls are wanted as a string of JSON.
	argumentsAsText bool
}

// contentTrait is what a template does with the content of a role: it goes through parts, and perhaps through nothing else.
type contentTrait struct {
	parts, partsOnly bool
}

// roles are those whose content is probed; others are taken for the user's.
const roles = "system user assistant tool"

// needle is what a probe looks for: no template prints it by itself.
const needle = "n33dle"

func roleOf(role value) string {
	if s, ok := role.(string); ok && strings.Contains(roles, s) && s != "" {
		return s
	}
	return "user"
}

// prober renders small conversations.
type prober struct {
	t       *Template
	special Tokens
}

func probe(t *Template, special Tokens) traits {
	p := prober{t, special}
	out := traits{content: map[string]contentTrait{}}
	for _, role := range strings.Fields(roles) {
		text, parts := p.content(role, `"`+needle+`"`), p.content(role, `[{"type":"text","text":"`+needle+`"}]`)
		// Whoever prints the part as a whole prints its type, too.
		handled := strings.Contains(parts, needle) && !strings.Contains(parts, "'type'") && !strings.Contains(parts, `"type"`) && !strings.Contains(parts, `\"type`)
		out.content[role] = contentTrait{parts: handled, partsOnly: handled && !strings.Contains(text, needle)}
	}
	object, text := p.call(`null`, `{"`+needle+`":1}`), p.call(`null`, `"{\"`+needle+`\":1}"`)
	if !strings.Contains(object, needle) && !strings.Contains(text, needle) {
		object, text = p.call(`""`, `{"`+needle+`":1}`), p.call(`""`, `"{\"`+needle+`\":1}"`)
	}
	out.argumentsAsText = wantsText(object, text)
	arguments := `{"a":1}`
	if out.argumentsAsText {
		arguments = `"{\"a\":1}"`
	}
	null, empty := p.call(`null`, arguments), p.call(`""`, arguments)
	if empty == "" { // it takes no calls
		null, empty = p.content("assistant", `null`), p.content("assistant", `""`)
	}
	out.nullFails = empty != "" && (null == "" || strings.Count(null, "None") > strings.Count(empty, "None"))
	return out
}

// wantsText reports which way arguments come out as JSON: as an object, if that does, and else as a string, if that does.
func wantsText(object, text string) bool {
	json := `"` + needle + `":`
	return !strings.Contains(object, json) && strings.Contains(text, json)
}

// content renders content in a message of a role. There are no tools, which have types, too.
func (p prober) content(role, content string) string {
	const user = `{"role":"user","content":"x"}`
	m := fmt.Sprintf(`{"role":%q,"content":%s}`, role, content)
	switch role {
	case "system":
		return p.render(`[`+m+`,`+user+`]`, "")
	case "user":
		return p.render(`[`+m+`]`, "")
	case "assistant":
		return p.render(`[`+user+`,`+m+`,`+user+`]`, "")
	}
	m = fmt.Sprintf(`{"role":"tool","tool_call_id":"call00001","name":"f","content":%s}`, content)
	for _, arguments := range []string{`{}`, `"{}"`} {
		for _, said := range []string{`null`, `""`} {
			if s := p.render(`[`+user+`,`+calling(said, arguments)+`,`+m+`,{"role":"assistant","content":"x"},`+user+`]`, ""); s != "" {
				return s
			}
		}
	}
	return ""
}

// call renders a message with a call.
func (p prober) call(content, arguments string) string {
	return p.render(`[{"role":"user","content":"x"},`+calling(content, arguments)+`,{"role":"tool","tool_call_id":"call00001","name":"f","content":"x"},`+
		`{"role":"assistant","content":"x"},{"role":"user","content":"x"}]`, probeTool)
}

// calling is a message of an assistant with a call.
func calling(content, arguments string) string {
	return fmt.Sprintf(`{"role":"assistant","content":%s,"tool_calls":[{"id":"call00001","type":"function","function":{"name":"f","arguments":%s}}]}`, content, arguments)
}

// A probe is bounded by its work: by time, a template would change its mind on a busy machine.
const (
	probeTime = 2 * time.Second
	probeFuel = 200_000
)

// probeTool is a tool to be called.
const probeTool = `[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}}}}]`

// render is what comes out of a conversation, "" where nothing does.
func (p prober) render(messages, tools string) string {
	list, err := fromJSON([]byte(messages))
	if err != nil {
		return ""
	}
	vars, err := chatVariables([]byte(tools), nil, p.special)
	if err != nil {
		return ""
	}
	vars.add("messages", list)
	out, err := p.t.render(context.Background(), vars, time.Unix(0, 0).UTC(), Limits{Time: probeTime, Fuel: probeFuel})
	if err != nil {
		return ""
	}
	return out
}
