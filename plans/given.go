package plans

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// envPrefix starts the names of environment variables that set variables.
const envPrefix = "AGENT0_VAR_"

// given is a value for a variable as it was given: text is from the environment or the command
// line, expr from a file.
type given struct {
	from string // empty: none was given
	file string // where it is from a file
	text string
	expr hcl.Expression
	at   hcl.Range
	gone string // why a known secret is not at hand
}

// givenValues collects values by variable, later ones winning: environment, *.auto.vars.hcl,
// --var-file, --var.
func (l *loader) givenValues() map[string]given {
	if l.in.Known != nil {
		return l.knownValues()
	}
	out := map[string]given{}
	for _, kv := range l.in.Environ {
		name, value, ok := strings.Cut(kv, "=")
		if name, isVar := strings.CutPrefix(name, envPrefix); ok && isVar && l.variableByName[name] != nil {
			out[name] = given{from: envPrefix + name, text: value}
		}
	}
	for _, file := range l.autoFiles {
		l.valuesFile(file, false, out)
	}
	for _, file := range l.in.VarFiles {
		l.valuesFile(file, true, out)
	}
	for _, name := range slices.Sorted(maps.Keys(l.in.Vars)) {
		v := l.variableByName[name]
		switch {
		case v == nil:
			l.add(&hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Value for an undeclared variable",
				Detail: "--var " + name + ": the plan has no variable of that name." + didYouMean(name, l.variableNames()),
			})
		case v.sensitive:
			l.errorf(v.at, nil, "Secret on the command line",
				"var.%s is sensitive, and everybody on this machine can read a command line. Set it with the environment variable %s%s or in a file of values.",
				name, envPrefix, name)
			out[name] = given{from: "--var"}
		default:
			out[name] = given{from: "--var", text: l.in.Vars[name]}
		}
	}
	return out
}

func (l *loader) variableNames() []string { return slices.Collect(maps.Keys(l.variableByName)) }

// valuesFile reads a file of values. One that was asked for by name and sets what no variable
// stands for gets a warning: it may be shared between plans.
func (l *loader) valuesFile(name string, asked bool, out map[string]given) {
	src, err := l.disk.readFile(name)
	if err != nil {
		l.unreadable("values", name, err)
		return
	}
	f, diags := parseFile(src, name)
	l.add(diags...)
	if diags.HasErrors() || f == nil {
		return
	}
	if l.files[name] == nil {
		// For snippets of what is not sensitive. One that does not parse is not shown: nothing tells
		// which of its lines are secrets.
		l.files[name] = f
	}
	attrs, diags := f.Body.JustAttributes()
	l.add(diags...)
	for key, a := range attrs {
		if l.variableByName[key] != nil {
			out[key] = given{from: filepath.ToSlash(name), file: name, expr: a.Expr, at: a.NameRange}
			continue
		}
		if asked {
			// Without a subject, so without a snippet: it may be the misspelt name of a secret.
			l.add(&hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: "Value for an undeclared variable",
				Detail: fmt.Sprintf("%s:%d: the plan has no variable %q.%s", name, a.NameRange.Start.Line, key, didYouMean(key, l.variableNames())),
			})
		}
	}
}

// say evaluates what was given for v.
func (l *loader) say(v *variable, g given) (cty.Value, bool) {
	a := attr{expr: g.expr}
	if g.expr == nil {
		if g.text == "" && v.sensitive && g.from == "--var" {
			return cty.NilVal, false // refused before
		}
		var ok bool
		if a.expr, ok = l.parseText(v, g); !ok {
			return cty.NilVal, false
		}
	}
	var m mistakes
	value, ok := l.told(a.expr, nil, &m)
	if v.sensitive && !ok {
		m = mistakes{}
		m.errorf(v.at, nil, "Invalid value", "The value of var.%s from %s cannot be evaluated. It is sensitive, so its place is not shown.", v.name, g.from)
	}
	if l.merge(m); !ok {
		return cty.NilVal, false
	}
	if value.IsNull() && !v.nullable && v.initial != cty.NilVal {
		return v.initial, true // null is left out, and this variable has a default
	}
	return l.fit(v, value, a)
}

// parseText makes an expression of a value that was given as text: for simple types, and for
// variables without a type, the text itself; HCL for lists, maps and objects.
func (l *loader) parseText(v *variable, g given) (hcl.Expression, bool) {
	name := g.from
	if g.from == "--var" {
		name = "--var " + v.name
	}
	src := []byte(g.text)
	if v.typ.IsPrimitiveType() || v.typ == cty.DynamicPseudoType {
		end := hcl.Pos{Line: 1, Column: 1 + len(g.text), Byte: len(g.text)}
		at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: end}
		if !v.sensitive {
			l.files[name] = &hcl.File{Body: hcl.EmptyBody(), Bytes: src}
		}
		return hcl.StaticExpr(cty.StringVal(g.text), at), true
	}
	diags := refused(src, name, hcl.InitialPos)
	var expr hcl.Expression
	if !diags.HasErrors() {
		expr, diags = hclsyntax.ParseExpression(src, name, hcl.InitialPos)
	}
	switch {
	case !diags.HasErrors():
	case v.sensitive:
		l.errorf(v.at, nil, "Invalid value", "The value of var.%s from %s is not written as HCL. It is sensitive, so it is not shown.", v.name, g.from)
		return nil, false
	default:
		l.add(diags...)
	}
	if !v.sensitive {
		l.files[name] = &hcl.File{Body: hcl.EmptyBody(), Bytes: src}
	}
	return expr, !diags.HasErrors()
}
