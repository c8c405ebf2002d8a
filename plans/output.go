package plans

import (
	"encoding/json"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Output is a value that a plan hands to whoever applied it. Marshalling it hides one that is
// sensitive; that takes Reveal.
type Output struct {
	Description string
	Sensitive   bool
	Place       engine.Place
	// Deferred says which facts of the host the value needs that are not known here, as in "needs
	// host.memory"; such an output has no value.
	Deferred string

	value cty.Value
}

// Reveal returns the value as JSON, and nothing for one that is deferred.
func (o Output) Reveal() ([]byte, error) {
	if o.Deferred != "" {
		return nil, nil
	}
	return ctyjson.Marshal(o.value, o.value.Type())
}

// MarshalJSON is the shape of one output in --json; a sensitive one has no value there.
func (o Output) MarshalJSON() ([]byte, error) {
	out := struct {
		Sensitive bool            `json:"sensitive"`
		Type      json.RawMessage `json:"type"`
		Value     json.RawMessage `json:"value,omitempty"`
		Deferred  string          `json:"deferred,omitempty"`
	}{Sensitive: o.Sensitive, Deferred: o.Deferred}
	var err error
	if out.Type, err = ctyjson.MarshalType(o.value.Type()); err != nil {
		return nil, err
	}
	if !o.Sensitive {
		if out.Value, err = o.Reveal(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// Text is the value for people: a string as it is, anything else as JSON.
func (o Output) Text() string {
	switch {
	case o.Sensitive:
		return "(sensitive)"
	case o.Deferred != "":
		return "(known at first boot)"
	case o.value.Type() == cty.String && !o.value.IsNull():
		return o.value.AsString()
	}
	b, err := o.Reveal()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(b)
}

// Check is one assertion of a check block and how it turned out.
type Check struct {
	Name  string       `json:"name"`
	Holds bool         `json:"holds"`
	Why   string       `json:"message,omitempty"`
	Place engine.Place `json:"-"`
}

type output struct {
	name string
	at   hcl.Range
	part *part
	refs
	done  bool
	value Output
	seen  cty.Value // by the caller of a module
}

type check struct {
	name string
	part *part
	refs []refs // of each assert
}

func (l *loader) registerOutput(b *hcl.Block) {
	if !l.single("output", b) {
		return
	}
	l.outputs = append(l.outputs, &output{name: b.Labels[0], at: b.DefRange, part: l.layOut(b, outputFields()...)})
}

func (l *loader) prepareOutputs() {
	for _, o := range l.outputs {
		o.refs = l.resolve(nil, allowed{}, o.part.uses(nil, nil, place{}))
	}
}

func (l *loader) settleOutputs() {
	for _, o := range l.outputs {
		a, ok := o.part.get("value")
		if !ok {
			continue
		}
		var m mistakes
		o.value, o.done = l.outputOf(o, a, &m)
		l.report(m)
	}
}

// outputOf is what o says, without ok where it has mistakes.
func (l *loader) outputOf(o *output, a attr, m *mistakes) (Output, bool) {
	ctx := l.scope(o.refs)
	out := Output{Place: PlaceOf(o.at), Description: l.words(o.part, "description", ctx, m)}
	out.Sensitive = l.flag(o.part, "sensitive", false, ctx, m)
	v, ok := l.value(a.expr, ctx, m)
	if !ok {
		return out, false
	}
	if o.seen = v; out.Sensitive {
		o.seen = v.Mark(sensitive)
	}
	if l.call != nil {
		return out, true // nothing of it is shown, and its value is for the caller to tell
	}
	if v.HasMarkDeep(sensitive) && !out.Sensitive {
		m.errorf(a.expr.Range(), nil, "Sensitive output", "The value is sensitive. Say sensitive = true in output %q to keep it from being shown.", o.name)
		return out, false
	}
	told := isTold(v, a.expr, m)
	out.value, _ = v.UnmarkDeep()
	out.Deferred = m.deferred()
	return out, told && !m.failed() || out.Deferred != ""
}

func (l *loader) outputValues() map[string]Output {
	out := map[string]Output{}
	for _, o := range l.outputs {
		if o.done {
			out[o.name] = o.value
		}
	}
	return out
}

func (l *loader) registerCheck(b *hcl.Block) {
	if !l.single("check", b) {
		return
	}
	p := l.layOut(b, checkFields()...)
	if len(p.blocks) == 0 {
		l.errorf(b.DefRange, nil, "Empty check", "A check has at least one block \"assert\" with a condition and an error_message.")
	}
	l.checks = append(l.checks, &check{name: b.Labels[0], part: p})
}

func (l *loader) prepareChecks() {
	for _, c := range l.checks {
		for _, b := range c.part.blocks {
			c.refs = append(c.refs, l.resolve(nil, allowed{}, b.part.uses(nil, nil, place{})))
		}
	}
}

// settleChecks asks every check. One that does not hold is a warning: nothing depends on it.
func (l *loader) settleChecks() {
	if l.leftOut {
		return
	}
	for _, c := range l.checks {
		name := string(l.full(engine.Addr(c.name)))
		for i, b := range c.part.blocks {
			v, ok := l.assert(b.part, hcl.DiagWarning, "Check "+name+" does not hold", l.scope(c.refs[i]), &l.mistakes)
			if ok {
				l.checkResults = append(l.checkResults, Check{Name: name, Holds: v.holds, Why: v.message, Place: PlaceOf(b.def)})
			}
		}
	}
}
