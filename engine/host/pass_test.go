package host_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	oneKey   string
	otherKey string
)

// TestOnceIsForOnePass proves that a pass, and what is within it, looks once for each key, that another pass of the same
// host looks anew, and that a view without one always does.
func TestOnceIsForOnePass(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{})
	var looks atomic.Int64
	look := func(tree host.Tree) int64 {
		return host.Once(tree, oneKey("x"), func() int64 { return looks.Add(1) })
	}
	plain, pass := m.View(), m.View().Pass(nil)
	for i, c := range []struct {
		tree host.Tree
		want int64
	}{
		{plain.Files, 1}, {plain.Files, 2}, {pass.Files, 3}, {pass.Files, 3}, {pass.Files.Pass(), 3},
		{plain.Files, 4}, {plain.Pass(nil).Files, 5}, {m.Host().Files.Tree, 6}, {m.View().Files, 7}, {pass.Files, 3},
	} {
		if got := look(c.tree); got != c.want {
			t.Errorf("look %d got what look %d found, want %d", i, got, c.want)
		}
	}
	if got := host.Once(pass.Files, otherKey("x"), func() string { return "other" }); got != "other" {
		t.Errorf("a key of another type found %q", got)
	}
}

// TestOnceAtTheSameTime proves that many who ask at once get one answer, and that who looks may look for other things.
func TestOnceAtTheSameTime(t *testing.T) {
	tree := hosttest.New(t, hosttest.Config{}).View().Pass(nil).Files
	var looks atomic.Int64
	inner := func() int64 { return looks.Add(1) }
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			got := host.Once(tree, oneKey("outer"), func() int64 { return host.Once(tree, oneKey("inner"), inner) })
			if got != 1 {
				t.Errorf("got the answer of look %d", got)
			}
		})
	}
	all.Wait()
	if n := looks.Load(); n != 1 {
		t.Errorf("looked %d times", n)
	}
}
