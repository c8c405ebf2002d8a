package journal

import (
	"fmt"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// manyEntries makes a machine whose snapshot has n entries like those of a file with an owner.
func manyEntries(b *testing.B, n int) *rig {
	s := state{last: 1, ledger: ledger{index: map[engine.Claim]int{}}}
	for i := range n {
		name := fmt.Sprintf("/etc/some/folder/file-%05d.conf", i)
		spec := engine.Recorded{
			"path": []byte(`"` + name + `"`), "owner": []byte(`"root"`), "group": []byte(`"root"`), "mode": []byte(`"0644"`),
			"content": []byte(fmt.Sprintf(`{"ref":"sha256:%064x"}`, i)),
		}
		err := s.ledger.set(&kept{Entry: engine.Entry{
			Head:   engine.Head{Plan: "bench", Addr: engine.Addr(fmt.Sprintf(`file.many["%d"]`, i)), Kind: "file", Digest: fmt.Sprintf("%032x", i)},
			Claims: []engine.Claim{engine.PathClaim(name)}, Needs: []engine.Claim{"path:/etc/some/folder"},
			Spec: spec, Before: spec,
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	r := newRig(b, nil)
	r.Put(ledgerPath, hosttest.File{Content: s.snapshot(nil)})
	return r
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := manyEntries(b, n)
			b.ReportAllocs()
			for b.Loop() {
				r.mustOpen()
			}
		})
	}
}

// BenchmarkLookup is what a run in which nothing differs asks of the ledger, per resource.
func BenchmarkLookup(b *testing.B) {
	j := manyEntries(b, 10_000).mustOpen()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := j.Lookup("path:/etc/some/folder/file-05000.conf"); !ok {
			b.Fatal("not found")
		}
	}
}
