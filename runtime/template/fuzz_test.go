package template

import (
	"context"
	"errors"
	"testing"
	"time"
)

// FuzzTemplate holds that whatever a text is, it ends: with an error of ours or with an output inside of its limits, and that
// parsing and rendering it again do the same.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		ChatML, "{{ messages[0].content|trim }}", "{% for m in messages %}{{ loop.index ~ m.role }}{% else %}{% endfor %}", "{%- set ns = namespace(x=1) -%}{% set ns.x = 2 %}{{ ns }}",
		"{% macro m(a, b=1) %}{{ caller(a) }}{% endmacro %}{% call(x) m(2) %}{{ x }}{% endcall %}", "{{ '%5.2f|%s' % (1.5, 'a') }}{{ '{:>{}}'.format(1, 5) }}",
		"{% raw %}{{ }}{% endraw %}{# c #}{%+ if 1 -%}a{% elif 2 %}b{% else %}{% endif %}", "{{ [1, 'a', {'b': none}]|tojson(indent=2) }}{{ (1, 2)[::-1] }}",
		"{{ range(10)|select('odd')|map('string')|join('-')|replace('1', x)|upper }}", "{% filter indent(2) %}a\nb{% endfilter %}{% generation %}{% break %}{% endgeneration %}",
		"{{ 'x' * 10 ** 9 }}{{ 2 ** 62 * 4 }}{{ 1 // 0 }}{{ -7 % 3.5 }}", "{{ strftime_now('%Y-%j %-d') }}{{ cycler('a').next() }}{{ joiner()() }}", "{{ raise_exception('x') }}{% include 'x' %}",
		"{{ messages|selectattr('role', 'in', ['user'])|list|length is divisibleby 2 and not x is defined }}", "{{ \"\\u00e9\\x41\\N{x}\" }}{{ ''.__class__ }}{{ {1: 2}.items()|list }}",
		"{{ messages|sort(attribute='role,content')|groupby }}{{ [3, 1]|sort|batch(2)|list }}{{ messages|tojson|safe|e }}",
	} {
		f.Add(s)
	}
	limits := Limits{Fuel: 50_000, Memory: 1 << 20, Output: 1 << 18, Time: time.Minute}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Parse(src)
		if err != nil {
			var syntax *SyntaxError
			var limit *LimitError
			if !errors.As(err, &syntax) && !errors.As(err, &limit) {
				t.Fatalf("Parse: an error of no type of ours: %v", err)
			}
			return
		}
		var outs [2]string
		for i := range outs {
			messages, err := fromJSON([]byte(`[{"role": "user", "content": "hi ß"}, {"role": "assistant", "content": null}]`))
			if err != nil {
				t.Fatal(err)
			}
			vars := newDict()
			vars.add("messages", messages)
			vars.add("x", "y")
			r := &run{budget: newBudget(context.Background(), limits), now: now}
			out, err := p.renderWith(r, vars)
			if len(out) > limits.Output {
				t.Fatalf("%d bytes came out", len(out))
			}
			if err != nil {
				checkError(t, err)
				out = err.Error()
			}
			outs[i] = out
		}
		if outs[0] != outs[1] {
			t.Errorf("once it is %q and then %q", outs[0], outs[1])
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var raised *RaisedError
	var eval *EvalError
	var limit *LimitError
	switch {
	case errors.As(err, &limit) && limit.Which == LimitTime:
		t.Errorf("it ran out of time before it ran out of fuel")
	case !errors.As(err, &raised) && !errors.As(err, &eval) && !errors.As(err, &limit):
		t.Errorf("an error of no type of ours: %v", err)
	}
}
