package template

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
)

// CallForm is how a template writes the call of a tool: Open, then {"name": …, "arguments": {…}}, then Close, without the
// blanks between them.
type CallForm struct {
	Open, Close string
}

// The tools of the probe of calls, and what one is called with.
const (
	firstCall, secondCall = "f1rstc4ll", "s3condc4ll"
	offered               = "off3redt00l"
	callArguments         = `{"k3y":"v4lue"}`
)

// Calls finds out how a template writes calls, so that those of a model can be found in what it writes: it was trained on
// what the template makes. The error says, in words that go to clients, why it cannot be known.
func Calls(t *Template, special Tokens) (CallForm, error) {
	p := prober{t, special}
	tools := strings.Replace(probeTool, `"name":"f"`, `"name":"`+offered+`"`, 1)
	t.once.Do(func() { t.traits = probe(t, special) })
	arguments := callArguments
	if t.traits.argumentsAsText {
		arguments = `"{\"k3y\":\"v4lue\"}"`
	}
	said, called := "", ""
	for _, content := range []string{`""`, `null`} {
		said = p.render(spoken(`{"role":"assistant","content":"`+needle+`"}`), tools)
		if called = p.render(spoken(twoCalls(content, arguments)), tools); called != "" {
			break
		}
	}
	switch {
	case !strings.Contains(said, offered):
		return CallForm{}, errors.New("the model's chat template does not tell the model of tools")
	case !strings.Contains(called, firstCall) || !strings.Contains(called, secondCall):
		return CallForm{}, errors.New("the model's chat template writes no calls, or no two of them")
	}
	head, _, _ := strings.Cut(said, needle)
	f, ok := form(head, called)
	if !ok {
		return CallForm{}, errors.New(`the model's chat template does not write a call as {"name": …, "arguments": {…}} between marks of its own`)
	}
	return f, nil
}

// spoken is a conversation in which the assistant has answered once.
func spoken(answer string) string {
	return `[{"role":"user","content":"x"},` + answer + `,{"role":"user","content":"x"}]`
}

func twoCalls(content, arguments string) string {
	call := func(id, name string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":` + arguments + `}}`
	}
	return `{"role":"assistant","content":` + content + `,"tool_calls":[` + call("call00001", firstCall) + `,` + call("call00002", secondCall) + `]}`
}

// form reads how calls are written from a conversation with two, of which head is what stands before any answer.
func form(head, called string) (CallForm, bool) {
	before, rest, ok := cutCall(called, firstCall)
	if !ok {
		return CallForm{}, false
	}
	between, after, ok := cutCall(rest, secondCall)
	if !ok {
		return CallForm{}, false
	}
	f := CallForm{Open: strings.TrimSpace(before[common(head, before):])}
	end, ok := strings.CutSuffix(strings.TrimSpace(between), f.Open)
	f.Close = strings.TrimSpace(end)
	ok = ok && f.Open != "" && f.Close != "" && strings.HasPrefix(strings.TrimSpace(after), f.Close)
	// A mark of one letter would be taken for text, and one with braces for JSON.
	return f, ok && len(f.Open) > 1 && !strings.ContainsAny(f.Open+f.Close, `{}"`) && !strings.ContainsFunc(f.Open+f.Close, unicode.IsControl)
}

// common is how many bytes two texts begin with that are the same.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// cutCall cuts a text around the JSON object of the call of a name. It reports false where that is another object than
// {"name": …, "arguments": …}, in this order.
func cutCall(text, name string) (before, after string, ok bool) {
	at := strings.Index(text, name)
	if at < 0 {
		return "", "", false
	}
	begin := strings.LastIndexByte(text[:at], '{')
	if begin < 0 {
		return "", "", false
	}
	d := json.NewDecoder(strings.NewReader(text[begin:]))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return "", "", false
	}
	var compact strings.Builder
	for _, c := range string(raw) {
		if !unicode.IsSpace(c) {
			compact.WriteRune(c)
		}
	}
	if compact.String() != `{"name":"`+name+`","arguments":`+callArguments+`}` {
		return "", "", false
	}
	return text[:begin], text[begin+len(raw):], true
}
