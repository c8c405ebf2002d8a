package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/gotest"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
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

func (m *Machine) putProgram(p *program.Compiled, name string) error {
	b, err := p.Content()
	if err != nil {
		return err
	}
	return m.Put(name, b, 0o755)
}

// InLab is the variable that GoTest sets: the test is in a machine of its own, which it may disturb.
const InLab = gotest.Inside

// GoTest runs the tests of a package, an import path or one that starts with "./", whose names match run, inside the
// machine: as root, with AGENT0_IN_LAB=1, in a folder that has the package's testdata. Each is a subtest of t, and fails
// or is skipped as it did there. It is an error if none match.
func GoTest(t *testing.T, m *Machine, pkg, run string) {
	t.Helper()
	results, err := m.runTests(t.Context(), pkg, run)
	for _, r := range results {
		t.Run(r.Name, r.Report)
	}
	if err != nil && !t.Failed() {
		t.Fatal(err)
	}
}

// runTests returns an error if the tests could not be run, or did not all pass.
func (m *Machine) runTests(ctx context.Context, pkg, run string) ([]*gotest.Result, error) {
	at, err := m.putTests(ctx, pkg)
	if err != nil {
		return nil, err
	}
	var stdout bytes.Buffer
	rc, stderr, err := m.Run(ctx, []string{"./package.test", gotest.Verbose, "-test.run=" + run, "-test.count=1"},
		In(at), Env(InLab+"=1", gotest.Full+"="+os.Getenv(gotest.Full)), Stdout(&stdout))
	if err != nil {
		return nil, fmt.Errorf("cannot run the tests of %s in the machine: %w\n%s%s", pkg, err, stdout.Bytes(), stderr)
	}
	results, err := gotest.Results(ctx, rc, stdout.Bytes(), stderr)
	if err != nil {
		err = fmt.Errorf("%s, %s: %w", pkg, run, err)
	}
	return results, err
}

// putTests compiles the tests of a package and puts them into the machine.
func (m *Machine) putTests(ctx context.Context, pkg string) (at string, err error) {
	p, err := gotest.Compile(ctx, pkg)
	if err != nil {
		return "", err
	}
	defer p.Tests.Close()
	at = path.Join("/var/lib/agent0-lab", p.Name)
	if err := m.putProgram(p.Tests, path.Join(at, "package.test")); err != nil {
		return "", err
	}
	err = m.PutTree(p.Testdata, path.Join(at, "testdata"))
	if errors.Is(err, fs.ErrNotExist) { // most packages have none
		err = nil
	}
	return at, err
}
