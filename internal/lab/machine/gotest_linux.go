package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// AgentPath is where InstallAgent puts the agent.
const AgentPath = "/usr/local/bin/agent0-converge"

// InstallAgent builds agent0-converge, once in this process, and puts it into the machine.
func (m *Machine) InstallAgent() error {
	p, err := agentProgram()
	if err != nil {
		return err
	}
	return m.putProgram(p, AgentPath)
}

func (m *Machine) putProgram(p *program, name string) error {
	info, err := p.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot read a program: %w", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(p.file, 0, info.Size()))
	if err != nil {
		return fmt.Errorf("cannot read a program: %w", err)
	}
	return m.Put(name, b, 0o755)
}

// full is the variable by which the lab asks tests for all that they have, which tests in a machine see too.
const full = "AGENT0_LAB"

// InLab is the variable that GoTest sets: the test is in a machine of its own, which it may disturb.
const InLab = "AGENT0_IN_LAB"

// GoTest runs the tests of a package, an import path or one that starts with "./", whose names match run, inside the
// machine: as root, with AGENT0_IN_LAB=1, in a folder that has the package's testdata. Each is a subtest of t, and fails
// or is skipped as it did there. It is an error if none match.
func GoTest(t *testing.T, m *Machine, pkg, run string) {
	t.Helper()
	results, err := m.runTests(t.Context(), pkg, run)
	for _, r := range results {
		t.Run(r.name, r.report)
	}
	if err != nil && !t.Failed() {
		t.Fatal(err)
	}
}

// runTests returns an error if the tests could not be run, or did not all pass.
func (m *Machine) runTests(ctx context.Context, pkg, run string) ([]*testResult, error) {
	at, err := m.putTests(ctx, pkg)
	if err != nil {
		return nil, err
	}
	var stdout bytes.Buffer
	rc, stderr, err := m.Run(ctx, []string{"./package.test", "-test.v=test2json", "-test.run=" + run, "-test.count=1"},
		In(at), Env(InLab+"=1", full+"="+os.Getenv(full)), Stdout(&stdout))
	if err != nil {
		return nil, fmt.Errorf("cannot run the tests of %s in the machine: %w\n%s%s", pkg, err, stdout.Bytes(), stderr)
	}
	results, err := parseTests(ctx, stdout.Bytes())
	switch {
	case err != nil:
		return nil, err
	case len(results) == 0:
		return nil, fmt.Errorf("no test of %s matches %s\n%s%s", pkg, run, stdout.Bytes(), stderr)
	case rc != 0:
		return results, fmt.Errorf("the tests of %s ended with exit status %d\n%s%s", pkg, rc, stdout.Bytes(), stderr)
	}
	return results, nil
}

// putTests compiles the tests of a package and puts them into the machine.
func (m *Machine) putTests(ctx context.Context, pkg string) (at string, err error) {
	out, err := output(ctx, "go", "list", "-f", "{{.ImportPath}}\n{{.Dir}}", pkg)
	if err != nil {
		return "", fmt.Errorf("cannot find the package %s: %w", pkg, err)
	}
	name, folder, _ := strings.Cut(out, "\n")
	p, err := compile(ctx, "test", pkg, "-c")
	if err != nil {
		return "", err
	}
	defer p.file.Close()
	at = path.Join("/var/lib/agent0-lab", name)
	if err := m.putProgram(p, path.Join(at, "package.test")); err != nil {
		return "", err
	}
	err = m.PutTree(path.Join(folder, "testdata"), path.Join(at, "testdata"))
	if errors.Is(err, fs.ErrNotExist) { // most packages have none
		err = nil
	}
	return at, err
}

// testResult is what became of one test that is no subtest.
type testResult struct {
	name   string
	action string // pass, fail or skip; "" for a test that did not end
	output strings.Builder
}

// parseTests reads what a test binary has printed, by Go's own tool.
func parseTests(ctx context.Context, stdout []byte) ([]*testResult, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdout), os.Stderr
	events, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot read what the tests printed: %w", err)
	}
	var all []*testResult
	byName := map[string]*testResult{}
	for in := json.NewDecoder(bytes.NewReader(events)); ; {
		var e struct{ Action, Test, Output string }
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("cannot read what the tests printed: %w", err)
		}
		top, _, sub := strings.Cut(e.Test, "/")
		if top == "" {
			continue
		}
		r := byName[top]
		if r == nil {
			r = &testResult{name: top}
			byName[top] = r
			all = append(all, r)
		}
		r.output.WriteString(e.Output)
		if ended := e.Action == "pass" || e.Action == "fail" || e.Action == "skip"; ended && !sub {
			r.action = e.Action
		}
	}
}

// report ends a subtest as the test in the machine has ended.
func (r *testResult) report(t *testing.T) {
	t.Log(r.output.String())
	switch r.action {
	case "pass":
	case "skip":
		t.SkipNow()
	case "fail":
		t.Fail()
	default:
		t.Fatal("it did not end")
	}
}
