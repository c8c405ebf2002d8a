package unitfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// told is all that is read of a unit.
func told(tree host.Tree, unit string) []string {
	var out []string
	say := func(what string, err error, found ...any) {
		out = append(out, fmt.Sprintf("%s: %v, %v", what, found, err))
	}
	u, err := Locate(tree, unit)
	if u != nil {
		say("unit", err, *u)
	} else {
		say("no unit", err)
	}
	state, err := State(tree, unit)
	say("state", err, state)
	links, err := Links(tree, unit)
	say("links", err, links)
	enabled, gone, err := Enable(tree, unit)
	say("enable", err, enabled, gone)
	disabled, err := Disable(tree, unit)
	say("disable", err, disabled)
	preset, rule, err := Preset(tree, unit)
	say("preset", err, preset, rule)
	places, err := Places(tree, unit)
	say("places", err, places)
	return out
}

// TestPassTellsTheSame proves of all trees that units which are read in one pass, many at a time, are told as each
// is that is read by itself.
func TestPassTellsTheSame(t *testing.T) {
	compared, all := 0, slices.Concat(trees(), locateTrees())
	for _, c := range all {
		root := build(t, c.files)
		tree := open(t, root)
		units := map[string]bool{"a.service": true}
		for _, unit := range c.units {
			units[unit] = true
		}
		for name := range c.files {
			if base := filepath.Base(name); valid(base) {
				units[base] = true
			}
		}
		pass, found := tree.Pass(), map[string][]string{}
		var (
			readers sync.WaitGroup
			mu      sync.Mutex
		)
		for unit := range units {
			readers.Go(func() {
				said := told(pass, unit)
				mu.Lock()
				defer mu.Unlock()
				found[unit] = said
			})
		}
		readers.Wait()
		for unit := range units {
			compared++
			if d := cmp.Diff(told(tree, unit), found[unit]); d != "" {
				t.Errorf("%s: %s (-by itself +in a pass):\n%s", c.name, unit, d)
			}
		}
	}
	t.Logf("%d units of %d trees compared", compared, len(all))
	if compared < 300 {
		t.Errorf("only %d units were compared", compared)
	}
}

// TestPassLooksOnce proves that a pass tells its units as they were when it looked, and the next one as they are.
func TestPassLooksOnce(t *testing.T) {
	root := build(t, files{usr + "a.service": with("WantedBy=x.target"), etc + "x.target.wants/a.service": "-> " + usr + "a.service"})
	tree := open(t, root)
	pass := tree.Pass()
	before := told(pass, "a.service")
	if err := errors.Join(os.Remove(filepath.Join(root, etc, "x.target.wants/a.service")), os.Remove(filepath.Join(root, usr, "a.service"))); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, told(pass, "a.service")); d != "" {
		t.Errorf("the pass looked again (-before +after):\n%s", d)
	}
	state, err := State(tree.Pass(), "a.service")
	links, linksErr := Links(tree, "a.service")
	if state != "" || len(links) > 0 || err != nil || linksErr != nil {
		t.Errorf("another pass says %q (%v), and links %v (%v)", state, err, links, linksErr)
	}
}
