package gotest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A test whose subtest skips has passed by Go's account, and by ours has skipped something.
func TestResults(t *testing.T) {
	p, err := Compile(t.Context(), "./testdata/skips")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Tests.Close()
	if !strings.HasSuffix(p.Name, "/gotest/testdata/skips") || !strings.HasSuffix(p.Testdata, "/gotest/testdata/skips/testdata") {
		t.Errorf("the package %s with %s", p.Name, p.Testdata)
	}
	out, err := exec.Command(p.Tests.Path(), Verbose).Output()
	if err != nil {
		t.Fatal(err)
	}
	results, err := Results(t.Context(), 0, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Result{
		{Name: "TestWhole", Action: "skip", Skipped: []string{"TestWhole"}, Output: "needs the moon"},
		{Name: "TestPart", Action: "pass", Skipped: []string{"TestPart/skips"}, Output: "needs the sun"},
		{Name: "TestRuns", Action: "pass", Output: "a line"},
	} {
		got := results[i]
		if got.Name != want.Name || got.Action != want.Action || !slices.Equal(got.Skipped, want.Skipped) || !strings.Contains(got.Output, want.Output) {
			t.Errorf("%+v, not %+v", *got, want)
		}
	}
	if len(results) != 3 {
		t.Errorf("%d results", len(results))
	}
	for rc, stdout := range map[int]string{1: string(out), 0: "PASS\n"} {
		if _, err := Results(t.Context(), rc, []byte(stdout), nil); err == nil {
			t.Errorf("exit status %d and %q are well", rc, stdout)
		}
	}
}
