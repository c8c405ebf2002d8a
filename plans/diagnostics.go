package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"

	"github.com/agent0-converge/agent0-converge/engine"
)

// PlaceOf is r as the engine names places.
func PlaceOf(r hcl.Range) engine.Place {
	return engine.Place{File: r.Filename, Start: engine.Position(r.Start), End: engine.Position(r.End)}
}

// rangeOf is the way back, nil for nowhere.
func rangeOf(p engine.Place) *hcl.Range {
	if p.File == "" {
		return nil
	}
	return &hcl.Range{Filename: p.File, Start: hcl.Pos(p.Start), End: hcl.Pos(p.End)}
}

// Diagnostics are the engine's mistakes in the form that plans report theirs.
func Diagnostics(ms engine.Mistakes) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, m := range ms {
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: m.Summary, Detail: m.Detail, Subject: rangeOf(m.Place),
		})
	}
	sortDiagnostics(diags)
	return diags
}

// mistakes collects diagnostics.
type mistakes struct {
	diags hcl.Diagnostics
	// unknown are values that could not be told. They matter only where nothing else is wrong:
	// otherwise they follow from that.
	unknown hcl.Diagnostics
	// needs are facts of the host that are not known here. Whoever collects decides what that means
	// for what it is about.
	needs []string
}

func (m *mistakes) failed() bool {
	return m.diags.HasErrors() || len(m.unknown) > 0 || len(m.needs) > 0
}

// deferred says which facts are needed, as in "needs host.cpus and host.memory", where nothing but
// facts is missing; otherwise it is "".
func (m *mistakes) deferred() string {
	if len(m.needs) == 0 || m.diags.HasErrors() {
		return ""
	}
	return "needs " + list(m.needs)
}

// need notes a fact.
func (m *mistakes) need(fact string) {
	if i, found := slices.BinarySearch(m.needs, fact); !found {
		m.needs = slices.Insert(m.needs, i, fact)
	}
}

func (m *mistakes) add(diags ...*hcl.Diagnostic) { m.diags = append(m.diags, diags...) }

// errorf reports an error at subject, shown within context where that is not nil.
func (m *mistakes) errorf(subject hcl.Range, context *hcl.Range, summary, format string, args ...any) {
	m.add(&hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...),
		Subject: &subject, Context: context,
	})
}

func (m *mistakes) merge(o mistakes) {
	m.diags = append(m.diags, o.diags...)
	m.unknown = append(m.unknown, o.unknown...)
	for _, fact := range o.needs {
		m.need(fact)
	}
}

// report takes over the diagnostics of o. Where o needs facts, what else could not be told follows
// from that.
func (m *mistakes) report(o mistakes) {
	m.diags = append(m.diags, o.diags...)
	if len(o.needs) == 0 {
		m.unknown = append(m.unknown, o.unknown...)
	}
}

// all returns every diagnostic once, in the order of files and lines.
func (m *mistakes) all() hcl.Diagnostics {
	diags := slices.Clone(m.diags)
	if !diags.HasErrors() {
		diags = append(diags, m.unknown...)
	}
	sortDiagnostics(diags)
	return slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return compareDiagnostics(a, b) == 0 && a.Summary == b.Summary && a.Detail == b.Detail
	})
}

func sortDiagnostics(diags hcl.Diagnostics) { slices.SortStableFunc(diags, compareDiagnostics) }

func compareDiagnostics(a, b *hcl.Diagnostic) int {
	if a.Subject == nil || b.Subject == nil {
		return cmp.Or(cmp.Compare(btoi(a.Subject != nil), btoi(b.Subject != nil)), strings.Compare(a.Detail, b.Detail))
	}
	return cmp.Or(
		strings.Compare(a.Subject.Filename, b.Subject.Filename),
		cmp.Compare(a.Subject.Start.Line, b.Subject.Start.Line),
		cmp.Compare(a.Subject.Start.Column, b.Subject.Start.Column),
		strings.Compare(a.Summary, b.Summary),
		strings.Compare(a.Detail, b.Detail),
	)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// didYouMean is " Did you mean …?" with the name among known that is nearest to given, or "".
func didYouMean(given string, known []string) string {
	best, at := "", 3 // further away is another word
	for _, name := range slices.Sorted(slices.Values(known)) {
		if d := levenshtein.Distance(given, name, nil); d < at {
			best, at = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// sentence starts s with a capital letter and ends it with a full stop, as details are written.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") && !strings.HasSuffix(s, "!") {
		s += "."
	}
	return s
}

// list is names for people: "a, b and c".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
