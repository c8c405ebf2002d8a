package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Verbose is the flag with which tests must have run for Results.
const Verbose = "-test.v=test2json"

// Result is what became of one test that is no subtest.
type Result struct {
	// Name is the test's.
	Name string
	// Action is pass, fail or skip; "" for a test that did not end.
	Action string
	// Skipped names what was skipped, this test or its subtests: a test whose subtests all skip has passed.
	Skipped []string
	// Output is what the test and its subtests printed.
	Output string
}

// Results reads from what tests printed, rc being their exit status, what became of each. It is an error if there were
// none, or if rc says that not all is well; that comes with the results.
func Results(ctx context.Context, rc int, stdout, stderr []byte) ([]*Result, error) {
	all, err := parse(ctx, stdout)
	switch {
	case err != nil:
		return nil, err
	case rc != 0:
		return all, fmt.Errorf("the tests ended with exit status %d\n%s%s", rc, stdout, stderr)
	case len(all) == 0:
		return nil, fmt.Errorf("no test matches\n%s%s", stdout, stderr)
	}
	return all, nil
}

// event is what test2json makes of a line; go doc test2json has its fields.
type event struct{ Action, Test, Output string }

// parse reads what a test binary has printed, by Go's own tool.
func parse(ctx context.Context, stdout []byte) ([]*Result, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdout), os.Stderr
	events, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot read what the tests printed: %w", err)
	}
	var all []*Result
	byName := map[string]*Result{}
	for in := json.NewDecoder(bytes.NewReader(events)); ; {
		var e event
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("cannot read what the tests printed: %w", err)
		}
		top, _, _ := strings.Cut(e.Test, "/")
		if top == "" {
			continue
		}
		if byName[top] == nil {
			byName[top] = &Result{Name: top}
			all = append(all, byName[top])
		}
		byName[top].take(e)
	}
}

func (r *Result) take(e event) {
	r.Output += e.Output
	if e.Action == "skip" {
		r.Skipped = append(r.Skipped, e.Test)
	}
	if ended := e.Action == "pass" || e.Action == "fail" || e.Action == "skip"; ended && e.Test == r.Name {
		r.Action = e.Action
	}
}

// Report ends t as the test has ended, and logs what it printed.
func (r *Result) Report(t *testing.T) {
	t.Helper()
	t.Log(r.Output)
	r.End(t)
}

// End ends t as the test has ended.
func (r *Result) End(t *testing.T) {
	t.Helper()
	switch r.Action {
	case "pass":
	case "skip":
		t.SkipNow()
	case "fail":
		t.Fail()
	default:
		t.Fatal("it did not end")
	}
}
