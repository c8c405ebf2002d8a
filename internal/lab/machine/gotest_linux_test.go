package machine

import (
	"strings"
	"testing"
)

const inside = "./testdata/inside"

func TestGoTest(t *testing.T) {
	m := Booted(t, Options{})
	t.Run("passing", func(t *testing.T) { GoTest(t, m, inside, "TestPass") })

	results, err := m.runTests(t.Context(), inside, "TestPass|TestSkip|TestFail")
	if err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("a failing test: %v", err)
	}
	ended := map[string]string{}
	for _, r := range results {
		ended[r.Name] = r.Action
	}
	if ended["TestPass"] != "pass" || ended["TestSkip"] != "skip" || ended["TestFail"] != "fail" || len(ended) != 3 {
		t.Errorf("ended %v", ended)
	}
	for _, r := range results {
		if r.Name == "TestFail" && !strings.Contains(r.Output, "very very very wrong") {
			t.Errorf("output of %s: %q", r.Name, r.Output)
		}
	}

	results, err = m.runTests(t.Context(), inside, "TestExit")
	if err == nil || len(results) != 1 || results[0].Action != "" {
		t.Errorf("a test that ends the process: %+v, %v", results, err)
	}
	if _, err := m.runTests(t.Context(), inside, "TestNothing"); err == nil || !strings.Contains(err.Error(), "no test") {
		t.Errorf("no test: %v", err)
	}
	if _, err := m.runTests(t.Context(), "./testdata/nowhere", "Test"); err == nil {
		t.Error("no package, and no error")
	}
}

func TestAgentInMachine(t *testing.T) {
	m := Booted(t, Options{})
	if err := m.InstallAgent(); err != nil {
		t.Fatal(err)
	}
	if got := m.MustRun(t, "agent0-converge", "version"); !strings.Contains(got, "agent0-converge") {
		t.Errorf("it says %q", got)
	}
}
