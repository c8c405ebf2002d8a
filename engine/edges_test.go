package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

// TestGraph holds the order and why each edge is there: of several reasons the strongest.
func TestGraph(t *testing.T) {
	unit := &daemon{Name: "d", RestartOn: []engine.Addr{"toy.restart"}, ReloadOn: []engine.Addr{"toy.reload"}}
	ds := []engine.Declared{
		{
			Addr: "daemon.d", Kind: daemonKind(), Spec: unit,
			DependsOn: []engine.Addr{"toy.x", "toy.restart", "toy.reload", "toy.uses", "toy.off"}, Inputs: []engine.Addr{"toy.restart", "toy.reload", "toy.uses"},
		},
		declare("needed", "1"),
		declare("needs", "1", "needed"),
		but(declare("both", "1", "needed"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"toy.needed"} }),
		but(declare("k", "1"), func(d *engine.Declared) { d.Addr = `toy.x["k"]` }),
		declare("restart", "1"), declare("reload", "1"), declare("uses", "1"),
		but(declare("gone", ""), func(d *engine.Declared) { d.Absent = true }),
		but(declare("off", ""), func(d *engine.Declared) { d.LeftOut = true }),
	}
	nodes, mistakes := engine.Graph(ds)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var got strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&got, "%s %v %v\n", n.Addr, n.Absent, n.Edges)
	}
	is(t, "the graph", got.String(), `toy.needed false []
toy.needs false [{toy.needed needs}]
toy.both false [{toy.needed after}]
toy.x["k"] false []
toy.restart false []
toy.reload false []
toy.uses false []
daemon.d false [{toy.x["k"] after} {toy.restart restart} {toy.reload reload} {toy.uses restart}]
toy.gone true []
`)
	circle := []engine.Declared{declare("a", "1", "b"), declare("b", "1", "a")}
	if _, mistakes := engine.Graph(circle); len(mistakes) != 1 {
		t.Errorf("a circle is %v", mistakes)
	}
}
