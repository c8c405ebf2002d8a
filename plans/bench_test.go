package plans_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans"
)

// BenchmarkLoad shows the cost of one block; it must not depend on how many there are.
func BenchmarkLoad(b *testing.B) {
	for _, shape := range []struct{ name, block string }{
		{"literal", "toy \"t%[1]d\" {\n  path = \"/srv/%[1]d\"\n  mode = \"0640\"\n  content = \"number %[1]d\"\n  on = true\n}\n"},
		{"refers", "toy \"t%[1]d\" {\n  path = \"${local.base}/%[1]d\"\n  mode = var.mode\n  labels = { a = toy.t%[2]d.path }\n}\n"},
	} {
		for _, n := range []int{100, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", shape.name, n), func(b *testing.B) {
				name := filepath.Join(b.TempDir(), "plan.hcl")
				var s strings.Builder
				s.WriteString("variable \"mode\" {\n  default = \"0600\"\n}\nlocals {\n  base = \"/srv\"\n}\ntoy \"t0\" {\n  path = \"/x\"\n}\n")
				for i := range n - 1 {
					fmt.Fprintf(&s, shape.block, i+1, i)
				}
				if err := os.WriteFile(name, []byte(s.String()), 0o644); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					plan, diags := plans.Load(plans.Input{Path: name, Facts: facts(), Kinds: kinds()})
					if diags.HasErrors() || len(plan.Resources) != n {
						b.Fatal(len(plan.Resources), diags)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/block")
			})
		}
	}
}
