package template

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// spent renders without a limit of time, and returns how much fuel and memory were used.
func spent(t *testing.T, src string, vars *dict) (fuel, memory int, err error) {
	t.Helper()
	p, err := Parse(src)
	if err != nil {
		return 0, 0, err
	}
	l := DefaultLimits()
	l.Time = time.Hour
	r := &run{budget: newBudget(context.Background(), l), now: now}
	_, err = p.renderWith(r, vars)
	return l.Fuel - max(r.fuel, 0), l.Memory - r.memory, err
}

// TestHostile runs templates that want too much: each ends with the limit that it is over, inside of all others.
func TestHostile(t *testing.T) {
	grow := func(step string) string {
		return "{% set ns = namespace(x='aaaaaaaaaaaaaaaa', l=[1], d={}) %}{% for i in range(99999) %}" + step + "{% endfor %}{{ ns.x|length }}"
	}
	for _, c := range []struct{ name, template, which string }{
		{"range", "{{ range(10**9) }}", LimitRange},
		{"range list", "{{ range(20000000)|list }}", LimitRange},
		{"loops", "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}", LimitMemory},
		{"loop that continues", "{% for a in range(99999) %}{% for b in range(99999) %}{% continue %}{% endfor %}{% endfor %}", LimitMemory},
		{"loop with a condition", "{% for a in range(99999) %}{% for b in range(99999) if false %}{% endfor %}{% endfor %}", LimitMemory},
		{"generators", "{% for a in range(99999) %}{{ range(99999)|select('none')|list }}{% endfor %}", LimitFuel},
		{"sum", "{% for a in range(99999) %}{{ range(99999)|sum }}{% endfor %}", LimitFuel},
		{"in", "{% for a in range(99999) %}{{ -1 in range(99999) }}{% endfor %}", LimitFuel},
		{"comparison", "{% set l = range(99999)|list %}{% set m = range(99999)|list %}{% for a in l %}{{ l == m }}{% endfor %}", LimitFuel},
		{"sort", "{% set l = range(99999)|list %}{% for a in l %}{% set m = l|sort(reverse=true) %}{% endfor %}", LimitFuel},
		{"recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", LimitDepth},
		{"recursion of two", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", LimitDepth},
		{"recursion by call", "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{% call f() %}{% endcall %}", LimitDepth},
		{"recursion that doubles", "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}", LimitFuel},
		{"callers", "{% macro f(n) %}{% if n %}{{ f(n - 1) ~ f(n - 1) ~ 'x' }}{% endif %}{% endmacro %}{{ f(60) }}", LimitFuel},
		{"repetition", "{{ 'x' * 10**9 }}", LimitMemory},
		{"repetition of nothing", "{{ '' * 10**18 }}{{ [] * 10**18 }}{{ 'x' * 10**18 }}", LimitMemory},
		{"repetition of lists", "{{ [0] * 10**9 }}", LimitMemory},
		{"repetition of tuples", "{{ (10**9) * (1, 2) }}", LimitMemory},
		{"doubling", grow("{% set ns.x = ns.x + ns.x %}"), LimitMemory},
		{"doubling by ~", grow("{% set ns.x = ns.x ~ ns.x %}"), LimitMemory},
		{"doubling by join", grow("{% set ns.x = [ns.x, ns.x]|join(ns.x) %}"), LimitMemory},
		{"doubling by join method", grow("{% set ns.x = ns.x.join([ns.x, ns.x]) %}"), LimitMemory},
		{"doubling by replace", grow("{% set ns.x = ns.x|replace('a', 'aa') %}"), LimitMemory},
		{"replace of nothing", grow("{% set ns.x = ns.x.replace('', ns.x) %}"), LimitMemory},
		{"doubling by format", grow("{% set ns.x = '%s%s' % (ns.x, ns.x) %}"), LimitMemory},
		{"doubling by str.format", grow("{% set ns.x = '{0}{0}'.format(ns.x) %}"), LimitMemory},
		{"doubling by a block", grow("{% set x %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = x %}"), LimitOutput},
		{"doubling by a macro", "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}" + grow("{% set ns.x = m(ns.x) %}"), LimitOutput},
		{"doubling by a filter block", grow("{% set x %}{% filter upper %}{{ ns.x }}{{ ns.x }}{% endfilter %}{% endset %}{% set ns.x = x %}"), LimitMemory},
		{"doubling by indent", grow("{% set ns.x = ns.x|indent(ns.x|length, true) %}"), LimitFuel},
		{"doubling by escape", grow("{% set ns.x = (ns.x|string ~ '&&&&')|e|string ~ ns.x %}"), LimitMemory},
		{"doubling by tojson", grow("{% set ns.x = [ns.x, ns.x]|tojson %}"), LimitFuel},
		{"doubling by repr", grow("{% set ns.x = [ns.x, ns.x]|string %}"), LimitFuel},
		{"doubling of lists", grow("{% set ns.l = ns.l + ns.l %}"), LimitMemory},
		{"width of %", "{{ '%999999999d' % 1 }}", LimitMemory},
		{"width of % by value", "{{ '%*d' % (60000000, 1) }}{{ '%*d' % (60000000, 1) }}", LimitMemory},
		{"precision of %", "{{ '%.999999999f' % 1.5 }}", LimitMemory},
		{"digits of %", "{{ '%.60000000d' % 1 }}{{ '%.60000000d' % 1 }}", LimitMemory},
		{"width of format", "{{ '{:999999999}'.format(1) }}", LimitMemory},
		{"width of format by value", "{{ '{:{}}'.format(1, 99999999999) }}", LimitMemory},
		{"center", "{{ 'x'|center(10**9) }}", LimitMemory},
		{"center method", "{{ 'x'.center(10**18) }}", LimitMemory},
		{"ljust", "{{ 'x'.ljust(10**9, 'é') }}", LimitMemory},
		{"zfill", "{{ 'x'.zfill(10**9) }}", LimitMemory},
		{"indent", "{{ 'x'|indent(10**9, true) }}", LimitMemory},
		{"indent of tojson", "{{ [[[[1]]]]|tojson(indent=10**9) }}", LimitMemory},
		{"indents of tojson", "{{ [range(99999)|list]|tojson(indent=9999) }}", LimitMemory},
		{"batch", "{{ [1]|batch(10**9, 'x')|list }}", LimitMemory},
		{"slices", "{{ [1]|slice(10**9)|list }}", LimitMemory},
		{"split", grow("{% set ns.l = ns.l + ['a a a a a a a a a a a a'.split(), ns.l] %}"), LimitMemory},
		{"lists of lists", grow("{% set ns.l = [ns.l, ns.l] %}") + "{{ ns.l }}", LimitDepth},
		{"lists of lists as JSON", grow("{% set ns.l = [ns.l] %}") + "{{ ns.l|tojson }}", LimitDepth},
		{"lists of lists compared", "{% set ns = namespace(a=[], b=[]) %}{% for i in range(500) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}", LimitDepth},
		{"tuples of tuples as a key", "{% set ns = namespace(a=()) %}{% for i in range(500) %}{% set ns.a = (ns.a,) %}{% endfor %}{{ {ns.a: 1} }}", LimitDepth},
		{"a list twice in a list, fifty times", "{% set ns = namespace(l=[1]) %}{% for i in range(50) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", LimitFuel},
		{"the same compared", "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(50) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}", LimitFuel},
		{"mappings in mappings", grow("{% set ns.d = {1: ns.d, 2: ns.d} %}") + "{{ ns.d }}", LimitDepth},
		{"a namespace in itself", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", LimitDepth},
		{"generators of generators", "{% set ns = namespace(g=[1]) %}{% for i in range(99999) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}", LimitDepth},
		{"integer", "{{ 10**10**10 }}", LimitInteger},
		{"integers", "{{ 9223372036854775807 + 1 }}", LimitInteger},
		{"product", "{{ 3037000500 * 3037000500 }}", LimitInteger},
		{"integer of a text", "{{ ('9' * 1000)|int }}", LimitInteger},
		{"integer of a float", "{{ 1e300|int }}", LimitInteger},
		{"integer of the data", "{{ big + 1 }}", LimitInteger},
		{"output", "{% for i in range(99999) %}{{ 'x' * 100 }}{% endfor %}", LimitOutput},
		{"text", "{% for i in range(99999) %}" + strings.Repeat("x", 100) + "{% endfor %}", LimitOutput},
		{"strip", "{% set x = 'ab' * 100000 %}{{ x.strip(x) }}", LimitFuel},
		{"case", "{% set x = 'ä' * 1000000 %}{% for i in range(99999) %}{% set y = x.upper() %}{% endfor %}", LimitFuel},
		{"count", "{% set x = 'a' * 10000000 %}{% for i in range(99999) %}{% set y = x.count('b') %}{% endfor %}", LimitFuel},
		{"find", "{% set x = 'a' * 10000000 %}{% for i in range(99999) %}{% if 'b' in x %}{% endif %}{% endfor %}", LimitFuel},
		{"length", "{% set x = 'ä' * 10000000 %}{% for i in range(99999) %}{% set y = x|length %}{% endfor %}", LimitFuel},
		{"character", "{% set x = 'ä' * 10000000 %}{% for i in range(99999) %}{% set y = x[i] %}{% endfor %}", LimitFuel},
		{"keys", "{% set x = 'a' * 10000000 %}{% for i in range(99999) %}{% set y = {x: 1} %}{% endfor %}", LimitFuel},
		{"words", "{% set x = 'ß É ' * 1000000 %}{{ x.title() }}", LimitFuel},
		{"case that is swapped", "{% set x = 'ßÉ' * 1000000 %}{{ x.swapcase() }}", LimitFuel},
		{"control characters", "{% set x = '\\x01' * 10000000 %}{{ [x] }}", LimitOutput},
		{"named fields", "{% set ns = namespace(d={}) %}{% for i in range(20000) %}{% set ns.d = dict(ns.d, z=1) %}{% endfor %}{% for i in range(99999) %}{{ ('{z}' * 999).format(**ns.d) }}{% endfor %}", LimitFuel},
		{"names", "{% for i in range(99999) %}{% set a %}{% for j in range(99999) %}{{ x }}{% endfor %}{% endset %}{% endfor %}", LimitMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			vars := newDict()
			vars.add("big", bigInt("123456789012345678901234567890"))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			fuel, memory, err := spent(t, c.template, vars)
			runtime.ReadMemStats(&after)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.Which != c.which {
				t.Fatalf("it ended with %v, not with the limit of %s", err, c.which)
			}
			l := DefaultLimits()
			if fuel > l.Fuel || memory > l.Memory {
				t.Errorf("it used %d fuel of %d and %d memory of %d", fuel, l.Fuel, memory, l.Memory)
			}
			// What is built is counted before it is made. Go takes more than is counted: for what grows, up to about three
			// times over, and for what is given back at once.
			if built := after.TotalAlloc - before.TotalAlloc; built > 1<<30 {
				t.Errorf("it built %d MiB, of which %d were counted", built>>20, memory>>20)
			}
		})
	}
}

// TestHostileSource has texts that no template may be.
func TestHostileSource(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, c := range []struct{ name, template string }{
		{"include", "{% include '/etc/passwd' %}"},
		{"include of a name", "{% include x %}"},
		{"import", "{% import '/etc/passwd' as x %}"},
		{"from", "{% from '/etc/passwd' import x %}"},
		{"extends", "{% extends '/etc/passwd' %}"},
		{"block", "{% block x %}{% endblock %}"},
		{"do", "{% do x.append(1) %}"},
		{"brackets", "{{ " + many("(", 5000) + "1" + many(")", 5000) + " }}"},
		{"lists", "{{ " + many("[", 5000) + many("]", 5000) + " }}"},
		{"mappings", "{{ " + many("{1:", 5000) + "1" + many("}", 5000) + " }}"},
		{"calls", "{{ " + many("f(", 5000) + many(")", 5000) + " }}"},
		{"subscripts", "{{ " + many("a[", 5000) + "1" + many("]", 5000) + " }}"},
		{"targets", "{% set " + many("(", 5000) + "a" + many(")", 5000) + " = 1 %}"},
		{"minus", "{{ " + many("- ", 5000) + "1 }}"},
		{"not", "{{ " + many("not ", 5000) + "1 }}"},
		{"if else", "{{ " + many("1 if 0 else ", 5000) + "1 }}"},
		{"if if", "{{ 1 " + many("if 1 ", 5000) + "}}"},
		{"tags", many("{% if true %}", 5000) + many("{% endif %}", 5000)},
		{"loops", many("{% for i in x %}", 5000) + many("{% endfor %}", 5000)},
		{"macros", many("{% macro m() %}", 5000) + many("{% endmacro %}", 5000)},
		{"integer", "{{ " + many("9", 100000) + " }}"},
		{"open brackets", "{{ " + many("(", 1<<19)},
		{"open tags", many("{{", 1<<19)},
		{"open raw", many("{% raw %}", 1<<16)},
		{"arguments", "{{ f(" + arguments(20000) + ") }}"},
		{"tokens", "{{ " + many("a ", 1<<19) + "}}"},
		{"tags without end", many("{{ a }}", 1<<17)},
		{"size", many("a", 1<<20+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.template)
			var syntax *SyntaxError
			var limit *LimitError
			if !errors.As(err, &syntax) && !errors.As(err, &limit) {
				t.Fatalf("it is %v", err)
			}
			if len(err.Error()) > 300 {
				t.Errorf("its error has %d bytes", len(err.Error()))
			}
		})
	}
}

func arguments(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d=1,", i)
	}
	return b.String()
}

// TestLong has what is long and nothing else: a template of a MiB, and what goes on in one line.
func TestLong(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"text", strings.Repeat("a", 1<<20), strings.Repeat("a", 1<<20)},
		{"sum", "{{ 0" + strings.Repeat("+1", 50000) + " }}", "50000"},
		{"and", "{{ 1" + strings.Repeat(" and 1", 50000) + " }}", "1"},
		{"elif", "{% if 0 %}" + strings.Repeat("{% elif 0 %}", 20000) + "{% else %}x{% endif %}", "x"},
		{"attributes", "{{ (0" + strings.Repeat("|abs", 50000) + ") }}", "0"},
		{"concatenation", "{{ ''" + strings.Repeat("~''", 50000) + " }}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse(c.template)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Render(context.Background(), nil, Limits{Time: time.Minute})
			if err != nil || got != c.want {
				t.Errorf("it is %.100q, %v", got, err)
			}
		})
	}
}

// TestTime ends what is not over in time, and what nobody waits for.
func TestTime(t *testing.T) {
	p, err := Parse("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	var limit *LimitError
	_, err = p.Render(context.Background(), nil, Limits{Fuel: 1 << 60, Memory: 1 << 60, Time: time.Millisecond})
	if !errors.As(err, &limit) || limit.Which != LimitTime {
		t.Errorf("after its time it ended with %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = p.Render(ctx, nil, Limits{Fuel: 1 << 60, Memory: 1 << 60, Time: time.Hour})
	if !errors.As(err, &limit) || limit.Which != LimitTime {
		t.Errorf("when it was cancelled it ended with %v", err)
	}
}
