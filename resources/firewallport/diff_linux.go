package firewallport

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Diff compares both states.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	wanted := have.wanted
	if want.Found {
		wanted = want.found()
	}
	var out []engine.FieldDiff
	if !have.offline {
		out = append(out, diffLines("running", have.Running, wanted.running)...)
	}
	out = append(out, diffLines("persistent", have.Persistent, wanted.persistent)...)
	if want.Found {
		return out // an undo brings back what it has, and does not judge the rest
	}
	for i, name := range []string{"running", "persistent"} {
		if have.damage[i] != "" {
			out = append(out, engine.FieldDiff{Name: name, Have: have.damage[i], Want: "as the plans say"})
		}
	}
	return out
}

// few is how many rules are shown one by one.
const few = 4

// diffLines tells how the rules of one state differ: each of a few by itself, more by their number.
func diffLines(name string, have, want map[string]string) []engine.FieldDiff {
	var out []engine.FieldDiff
	for _, key := range slices.Sorted(maps.Keys(union(have, want))) {
		h, w := have[key], want[key]
		if h != w {
			out = append(out, engine.FieldDiff{Name: name, Have: shown(h), Want: shown(w)})
		}
	}
	if len(out) <= few {
		return out
	}
	return []engine.FieldDiff{{Name: name, Have: fmt.Sprintf("%d rules", len(have)), Want: fmt.Sprintf("%d rules, %d of them other", len(want), len(out))}}
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}

// longest is how much of a rule is shown, in bytes.
const longest = 120

func shown(text string) string {
	switch {
	case text == "":
		return "(absent)"
	case len(text) > longest:
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
