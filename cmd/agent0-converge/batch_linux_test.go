package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/bench/workload"
)

// TestFewOpenFiles holds that a run makes no more changes together than it may have files open.
func TestFewOpenFiles(t *testing.T) {
	const files, most = 600, 200
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = most
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	})
	root, plan := t.TempDir(), filepath.Join(t.TempDir(), "plan.hcl")
	if err := os.WriteFile(plan, []byte(workload.Plan("/bench", files)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"601 done", "601 same"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{"apply", "--root", root, plan}, nil, &out, &out); code != 0 || !strings.Contains(out.String(), want) {
			t.Fatalf("exit status %d, without %q\n%.2000s", code, want, out.String())
		}
	}
	for i := range files {
		if b, err := os.ReadFile(filepath.Join(root, "bench", workload.Name(i))); err != nil || !bytes.Equal(b, workload.Content(i)) {
			t.Fatalf("%s holds %.20q… (%v)", workload.Name(i), b, err)
		}
	}
}
