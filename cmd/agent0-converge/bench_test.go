package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// BenchmarkNoOp is an apply that finds everything as wanted, in process: what make bench measures
// less the start of a program.
func BenchmarkNoOp(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			root, plan := filepath.Join(dir, "root"), filepath.Join(dir, "plan.hcl")
			if err := os.Mkdir(root, 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(plan, []byte(workload.Plan("/bench", n)), 0o600); err != nil {
				b.Fatal(err)
			}
			apply := func() {
				var out bytes.Buffer
				if code := run(context.Background(), []string{"apply", "--root", root, plan}, nil, &out, &out); code != 0 {
					b.Fatalf("exit status %d\n%s", code, out.String())
				}
			}
			apply()
			b.ReportAllocs()
			for b.Loop() {
				apply()
			}
		})
	}
}
