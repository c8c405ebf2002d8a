package nft

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkMany measures 5,000 blocks with a port each and one with 10,000 sources: what this package does, and what
// nft(8) needs for the same in the same namespace. The medians are what counts.
func BenchmarkMany(b *testing.B) {
	r := newRig(b)
	ls := many(b, 5000, 10000)
	entries := entriesOf(b, ls)
	text := script(entries)
	file := filepath.Join(b.TempDir(), "x.nft")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	r.set(nil, ls)
	check := func(b *testing.B, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	one := lines(b, ruleOf("tcp", "80"))
	for _, bench := range []struct {
		name string
		f    func(b *testing.B, i int)
	}{
		{"render", func(*testing.B, int) { render(entries) }},
		{"replace", func(b *testing.B, _ int) { check(b, replace(r.h, render(entries))) }},
		{"read", func(b *testing.B, _ int) {
			_, damage, err := readRunning(b.Context(), r.h.View())
			check(b, err)
			if damage != "" {
				b.Fatal(damage)
			}
		}},
		{"set", func(b *testing.B, i int) { // one line more, one less: read, replace, read and compare
			out, in := ls[:0], one
			if i%2 == 1 {
				out, in = in, out
			}
			check(b, Owner{}.SetRunning(b.Context(), r.h, out, in))
		}},
		{"nft-f", func(*testing.B, int) { r.ns.Run("nft", "-f", file) }},
		{"nft-list", func(*testing.B, int) { r.ns.Run("nft", "-j", "list", "table", "inet", tableName) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				bench.f(b, i)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
