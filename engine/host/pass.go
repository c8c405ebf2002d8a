package host

import "sync"

// Pass returns the view of one pass of reading, such as the making of a plan, in which what many reads look
// at is looked at once: folders that are remembered (Once), and of all the units that are named whether
// anything of them runs (Units.Glance). Something that changes meanwhile may be told as it was. So a pass
// changes nothing itself and is let go at its end; what is read after a change is read by a View without one.
func (v View) Pass(units []string) View {
	v.Files = v.Files.Pass()
	v.Units.glances = &glances{names: units}
	return v
}

// Pass returns the tree for one pass of reading, in which what is looked at once is remembered. Within a pass it
// is the tree itself.
func (t Tree) Pass() Tree {
	if t.pass == nil {
		t.pass = &pass{made: map[any]any{}}
	}
	return t
}

// pass is what one pass of reading remembers, by keys whose types are those of who remembers.
type pass struct {
	mu   sync.Mutex
	made map[any]any
}

// Once returns what look finds, which in a pass is called once for each key. The key has a type of the caller's
// own, so that no other's is equal. What look returns is shared by all, at the same time too.
func Once[T any](t Tree, key any, look func() T) T {
	if t.pass == nil {
		return look()
	}
	t.pass.mu.Lock()
	found, known := t.pass.made[key].(func() T)
	if !known {
		found = sync.OnceValue(look)
		t.pass.made[key] = found
	}
	t.pass.mu.Unlock()
	return found()
}
