package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

func speak(r *wire.Request) [][]byte {
	rng := rand.New(rand.NewPCG(r.Sampling.Seed, 1))
	text := []byte(strings.TrimPrefix(r.Grammar, "text:"))
	if schema, ok := strings.CutPrefix(r.Grammar, "schema:"); ok {
		var root any
		if err := json.Unmarshal([]byte(schema), &root); err != nil {
			panic(err)
		}
		text = instance(rng, json.RawMessage(schema), root)
	} else if !strings.HasPrefix(r.Grammar, "text:") {
		g, err := grammartest.Parse(r.Grammar)
		if err != nil {
			panic(err)
		}
		made, err := g.Generate(rng, 200)
		if err != nil {
			panic(err)
		}
		text = []byte(made)
	}
	var out [][]byte
	for len(text) > 0 {
		n := min(len(text), 1+rng.IntN(5))
		out, text = append(out, text[:n]), text[n:]
	}
	return out
}

func instance(rng *rand.Rand, schema json.RawMessage, root any) json.RawMessage {
	all, _ := members(schema)
	get := func(name string) json.RawMessage {
		for _, m := range all {
			if m.name == name {
				return m.value
			}
		}
		return nil
	}
	var choices []json.RawMessage
	var ref, kind string
	switch {
	case get("const") != nil:
		return get("const")
	case json.Unmarshal(get("enum"), &choices) == nil:
		return choices[rng.IntN(len(choices))]
	case json.Unmarshal(get("anyOf"), &choices) == nil:
		return instance(rng, choices[rng.IntN(len(choices))], root)
	case json.Unmarshal(get("$ref"), &ref) == nil:
		return instance(rng, encode(pointed(root, ref)), root)
	}
	_ = json.Unmarshal(get("type"), &kind)
	switch kind {
	case "string":
		return encode("a \"}\\ " + words[rng.IntN(len(words))])
	case "integer", "number":
		return encode(rng.IntN(100))
	case "boolean":
		return encode(rng.IntN(2) == 0)
	case "array":
		return encode([]json.RawMessage{instance(rng, get("items"), root)})
	}
	var out []member
	properties, _ := members(get("properties"))
	for _, m := range properties {
		out = append(out, member{m.name, instance(rng, m.value, root)})
	}
	return object(out)
}

func pointed(root any, ref string) any {
	for _, step := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
		switch at := root.(type) {
		case map[string]any:
			root = at[step]
		case []any:
			i, _ := strconv.Atoi(step)
			root = at[i]
		}
	}
	return root
}

func testGrammars() Grammars {
	return Grammars{
		Schema: func(schema []byte) (string, error) {
			if strings.Contains(string(schema), `"refuse_me"`) {
				return "", fmt.Errorf("/properties/refuse_me: it is told to be refused")
			}
			return "schema:" + string(schema), nil
		},
		Calls: func(schema []byte, _ grammar.CallForm) (string, error) { return "schema:" + string(schema), nil },
		JSON:  func() string { return `text:{"any":[1,"a",null]}` },
		Check: func(gbnf string) error {
			if !strings.Contains(gbnf, "root ::=") {
				return fmt.Errorf("there is no root")
			}
			return nil
		},
	}
}

// assembler holds back what may be a part of a character or of a stop text.
type assembler struct {
	stops []string
	held  []byte
}

func (a *assembler) add(piece []byte) (shown, stop string) {
	a.held = append(a.held, piece...)
	for _, s := range a.stops {
		if i := bytes.Index(a.held, []byte(s)); i >= 0 {
			shown, a.held = string(a.held[:i]), nil
			return shown, s
		}
	}
	keep := 0
	for _, s := range a.stops {
		for n := 1; n < len(s); n++ {
			if bytes.HasSuffix(a.held, []byte(s[:n])) {
				keep = max(keep, n)
			}
		}
	}
	n := len(a.held) - keep
	for n > 0 && !utf8.Valid(a.held[:n]) {
		n--
	}
	shown, a.held = string(a.held[:n]), a.held[n:]
	return shown, ""
}

func (a *assembler) rest() string { return strings.ToValidUTF8(string(a.held), "\uFFFD") }
