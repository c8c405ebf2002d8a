package template

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func mustParse(t *testing.T, src string) *Template {
	t.Helper()
	p, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// prompt is Chat, with more time than a busy machine takes.
func prompt(t *testing.T, src, messages, tools, variables string) (string, error) {
	t.Helper()
	return chat(context.Background(), mustParse(t, src), json.RawMessage(messages), json.RawMessage(tools), json.RawMessage(variables), Tokens{"<s>", "</s>"}, now, Limits{Time: time.Minute})
}

const hello = `[{"role":"user","content":"Hello"}]`

func TestChat(t *testing.T) {
	const show = "{{ bos_token }}{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}{{ tools }} {{ documents }} {{ add_generation_prompt }} {{ enable_thinking }}{{ eos_token }}"
	for _, c := range []struct{ name, template, messages, tools, variables, want string }{
		{"ChatML", ChatML, `[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]`, "", "",
			"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
		{"ChatML without a prompt", ChatML, hello, "", `{"add_generation_prompt": false}`, "<|im_start|>user\nHello<|im_end|>\n"},
		{"what is handed over", show, hello, "", "", "<s>[user:Hello]None None True </s>"},
		{"null is nothing", show, hello, "null", "null", "<s>[user:Hello]None None True </s>"},
		{"no tools", show, hello, "[]", "{}", "<s>[user:Hello]None None True </s>"},
		{"variables", show, hello, "", `{"enable_thinking": false, "documents": [1]}`, "<s>[user:Hello]None [1] True False</s>"},
		{"order of keys", "{{ tools|tojson }}{{ messages[0]|tojson }}", `[{"role":"user","zebra":1,"content":"x","apple":2}]`, `[{"type":"function","function":{"parameters":{},"name":"f"}}]`, "",
			`[{"type": "function", "function": {"parameters": {}, "name": "f"}}]{"role": "user", "zebra": 1, "content": "x", "apple": 2}`},
		{"the clock", "{{ strftime_now('%d %b %Y') }}", hello, "", "", "04 Jul 2025"},
		{"parts become text", show, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, "", "", "<s>[user:a\nb]None None True </s>"},
		{"parts that a template joins", "{% for m in messages %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endfor %}", `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, "", "", "<a><b>"},
		{"text where only parts will do", "{% for m in messages %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endfor %}", hello, "", "", "<Hello>"},
		{"either", "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endif %}{% endfor %}", `[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}]`, "", "", "a<b>"},
		{"parts in one role", "{% for m in messages %}{% if m.role == 'user' %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% else %}{{ m.content|upper }}{% endif %}{% endfor %}",
			`[{"role":"system","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"b"}]}]`, "", "", "A<b>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := prompt(t, c.template, c.messages, c.tools, c.variables)
			if err != nil || got != c.want {
				t.Errorf("it is %q, %v, and not %q", got, err, c.want)
			}
		})
	}
}

func TestChatCalls(t *testing.T) {
	call := func(arguments string) string {
		return `[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"call00001","type":"function","function":{"name":"f","arguments":` + arguments + `}}]},{"role":"tool","tool_call_id":"call00001","content":"y"}]`
	}
	const loop = "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}%s{% endfor %}{% else %}({{ m.content }}){% endif %}{% endfor %}"
	for _, c := range []struct{ name, body, arguments, want string }{
		{"an object for tojson", "{{ c.function.arguments|tojson }}", `"{\"b\":1,\"a\":[2.0]}"`, `(x){"b": 1, "a": [2.0]}(y)`},
		{"a string for a sum", "{{ c.function.name + c.function.arguments }}", `"{\"b\":1}"`, `(x)f{"b":1}(y)`},
		{"a string rather than what Python prints", "{{ c.function.arguments }}", `"{\"b\":1}"`, `(x){"b":1}(y)`},
		{"either", "{% if c.function.arguments is string %}{{ c.function.arguments }}{% else %}{{ c.function.arguments|tojson }}!{% endif %}", `"{\"b\":1}"`, `(x){"b": 1}!(y)`},
		{"one after the other", "{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }};{% endfor %}", `"{\"b\":1,\"a\":2}"`, `(x)b=1;a=2;(y)`},
		{"no arguments", "{{ c.function.arguments|tojson }}", `""`, `(x){}(y)`},
		{"an object already", "{{ c.function.arguments|tojson }}", `{"b":1}`, `(x){"b": 1}(y)`},
		{"what is no JSON", "{{ c.function.arguments|tojson }}", `"{b"`, `(x)"{b"(y)`},
		{"null that fails", "{{ m.content|length }}{{ c.function.arguments|tojson }}", `"{}"`, `(x)0{}(y)`},
		{"null that is asked for", "{{ m.content is none }}{{ c.function.arguments|tojson }}", `"{}"`, `(x)True{}(y)`},
		{"null that is printed", "{{ m.content }}{{ c.function.arguments|tojson }}", `"{}"`, `(x){}(y)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := prompt(t, strings.Replace(loop, "%s", c.body, 1), call(c.arguments), "", "")
			if err != nil || got != c.want {
				t.Errorf("it is %q, %v, and not %q", got, err, c.want)
			}
		})
	}
}

// TestChatRefuses has conversations that are their sender's mistake.
func TestChatRefuses(t *testing.T) {
	for _, c := range []struct{ name, template, messages, tools, variables, want string }{
		{"raise_exception", "{{ raise_exception('Roles must alternate') }}", hello, "", "", "Roles must alternate"},
		{"an object", ChatML, `{}`, "", "", "messages is not a list"},
		{"nothing", ChatML, ``, "", "", "messages is not a list"},
		{"no JSON", ChatML, `[`, "", "", "messages is not JSON"},
		{"more than JSON", ChatML, `[] []`, "", "", "messages is not JSON"},
		{"a string", ChatML, `["x"]`, "", "", "messages[0] is not an object with a role"},
		{"no role", ChatML, `[{"content":"x"}]`, "", "", "messages[0] is not an object with a role"},
		{"an image", ChatML, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]`, "", "", "messages[0]: this model takes only text"},
		{"a part that is none", ChatML, `[{"role":"user","content":["x"]}]`, "", "", "messages[0]: a part of the content is not an object"},
		{"messages as a variable", ChatML, hello, "", `{"messages": []}`, "chat_template_kwargs cannot set messages"},
		{"a variable that is none", ChatML, hello, "", `[]`, "chat_template_kwargs is not an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := prompt(t, c.template, c.messages, c.tools, c.variables)
			var raised *RaisedError
			if !errors.As(err, &raised) || !strings.HasPrefix(raised.Message, c.want) {
				t.Errorf("it is %q, %v, and not an error %q", out, err, c.want)
			}
		})
	}
	deep := `[{"role":"user","content":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]`
	var limit *LimitError
	if _, err := prompt(t, ChatML, deep, "", ""); !errors.As(err, &limit) || limit.Which != LimitDepth {
		t.Errorf("what nests too deep is %v", err)
	}
}

// TestChatPublished makes prompts of what clients send, and expects what Jinja2 makes of what Hugging Face expects.
func TestChatPublished(t *testing.T) {
	const (
		sent = `[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"Weather?"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"abcdef123","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Nîmes\", \"days\": 2}"}}]},` +
			`{"role":"tool","tool_call_id":"abcdef123","content":"21"},{"role":"assistant","content":"21 °C"},{"role":"user","content":"Thanks"}]`
		meant = `[{"role":"system","content":"S"},{"role":"user","content":"Weather?"},{"role":"assistant","content":%content,"tool_calls":[{"id":"abcdef123","type":"function","function":{"name":"weather","arguments":%arguments}}]},` +
			`{"role":"tool","tool_call_id":"abcdef123","content":"21"},{"role":"assistant","content":"21 °C"},{"role":"user","content":"Thanks"}]`
		object, text = `{"city": "Nîmes", "days": 2}`, `"{\"city\": \"Nîmes\", \"days\": 2}"`
	)
	all := published(t, "testdata/published")
	for name, c := range map[string]struct{ content, arguments string }{
		"qwen2.5-0.5b":      {`null`, object},
		"qwen3-0.6b":        {`""`, object},
		"qwen3-coder-30b":   {`null`, object},
		"granite3.3-2b":     {`""`, object},
		"mistral-small-24b": {`""`, object},
		"deepseek-r1-8b":    {`null`, text},
		"deepseek-v3.1":     {`null`, text},
		"phi4-14b":          {`""`, object},
	} {
		t.Run(name, func(t *testing.T) {
			if all[name] == "" {
				t.Fatal("there is no such template")
			}
			got, gotErr := prompt(t, all[name], sent, probeTool, "")
			messages := strings.NewReplacer("%content", c.content, "%arguments", c.arguments).Replace(meant)
			want := jinja(t, []job{{all[name], []byte(`{"messages":` + messages + `,"tools":` + probeTool + `,"documents":null,"add_generation_prompt":true,"bos_token":"<s>","eos_token":"</s>"}`)}})[0]
			var raised *RaisedError
			switch {
			case want.Out != nil:
				if gotErr != nil || got != *want.Out {
					t.Errorf("ours: %q, %v\nJinja2: %s", got, gotErr, want)
				}
			case want.Raised != nil:
				if !errors.As(gotErr, &raised) || raised.Message != *want.Raised {
					t.Errorf("ours: %q, %v\nJinja2: %s", got, gotErr, want)
				}
			default:
				t.Errorf("Jinja2: %s", want)
			}
		})
	}
}

// TestProbes says what is found out about templates whose texts are known.
func TestProbes(t *testing.T) {
	all := published(t, "testdata/published")
	for name, want := range map[string]string{
		"qwen2.5-0.5b": "", "qwen2.5vl": "system user assistant tool", "tinyllama-1.1b": "", "mixtral-8x7b": "", "granite4": "system user assistant tool",
	} {
		p := mustParse(t, all[name])
		tr := probe(p, Tokens{"<s>", "</s>"})
		var got []string
		for _, role := range strings.Fields(roles) {
			if tr.content[role].parts {
				got = append(got, role)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s goes through parts of %q, not %q", name, got, want)
		}
	}
}

// TestChatDefault is what a caller calls.
func TestChatDefault(t *testing.T) {
	out, err := Chat(context.Background(), mustParse(t, "{{ messages[0].content }}"), json.RawMessage(hello), nil, nil, Tokens{}, now)
	var limit *LimitError
	if errors.As(err, &limit) && limit.Which == LimitTime {
		t.Skip("the machine is too busy to print a word in time")
	}
	if err != nil || out != "Hello" {
		t.Errorf("it is %q, %v", out, err)
	}
}

// TestChatAtOnce has one template make prompts in several goroutines.
func TestChatAtOnce(t *testing.T) {
	p := mustParse(t, published(t, "testdata/published")["qwen3-0.6b"])
	outs := make(chan string)
	for range 8 {
		go func() {
			out, err := chat(context.Background(), p, json.RawMessage(hello), nil, nil, Tokens{}, now, Limits{Time: time.Minute})
			if err != nil {
				out = err.Error()
			}
			outs <- out
		}()
	}
	for range 8 {
		if out := <-outs; out != "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n" {
			t.Errorf("it is %q", out)
		}
	}
}

func TestRender(t *testing.T) {
	p := mustParse(t, "{{ a }} {{ b }} {{ c|tojson }} {{ d }} {{ e }} {{ f.x }} {{ g }}")
	got, err := p.Render(context.Background(), map[string]any{
		"a": 1, "b": "x", "c": json.RawMessage(`{"z": 1, "a": [1.0, null]}`), "d": nil, "e": []any{true, int64(2)}, "f": map[string]any{"x": 0.5}, "g": json.RawMessage(`123456789012345678901234567890`),
	}, Limits{Time: time.Minute})
	const want = `1 x {"z": 1, "a": [1.0, null]} None [True, 2] 0.5 123456789012345678901234567890`
	if err != nil || got != want {
		t.Errorf("it is %q, %v, and not %q", got, err, want)
	}
	if _, err := p.Render(context.Background(), map[string]any{"a": struct{}{}}, Limits{Time: time.Minute}); err == nil {
		t.Error("a struct is taken")
	}
	var eval *EvalError
	if _, err := mustParse(t, "a\nb{{ 1 + none }}").Render(context.Background(), nil, Limits{Time: time.Minute}); !errors.As(err, &eval) || eval.Line != 2 {
		t.Errorf("a mistake in line 2 is %v", err)
	}
	var syntax *SyntaxError
	if _, err := Parse("a\n\nb{% if %}"); !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("a mistake in line 3 is %v", err)
	}
}
