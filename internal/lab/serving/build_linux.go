package serving

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/level"
)

// Programs are what was built.
type Programs struct {
	// Agent is agent0-converge, Engines the folder with the builds of agent0-engine.
	Agent, Engines string
}

// ErrCannotBuild says what this machine lacks.
var ErrCannotBuild = errors.New("an engine needs g++ (apt-get install g++) and a CPU of x86-64-v2 or newer, or arm64")

// Build builds both into a folder: of the engine the best build that this CPU can run, or those for the levels.
func Build(dir string, levels ...level.Level) (Programs, error) {
	p := Programs{Agent: filepath.Join(dir, "agent0-converge"), Engines: dir}
	if _, err := exec.LookPath("g++"); err != nil || len(level.Supported()) == 0 {
		return p, ErrCannotBuild
	}
	if len(levels) == 0 {
		levels = level.Supported()[:1]
	}
	root, err := Root()
	if err != nil {
		return p, err
	}
	agent := exec.Command("go", "build", "-o", p.Agent, "./cmd/agent0-converge")
	agent.Env = append(os.Environ(), "CGO_ENABLED=0")
	all := []*exec.Cmd{agent}
	for _, l := range levels {
		all = append(all, exec.Command("cmd/agent0-engine/build.sh", string(l), filepath.Join(dir, level.Prefix+string(l)), "test"))
	}
	for _, cmd := range all {
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
	}
	return p, nil
}

// Faulty builds, into a folder, an engine that aborts in C where a prompt has the text "abort in C", and hangs where one has "hang
// in C". The programs that it returns have it for their engine.
func (p Programs) Faulty(dir string) (Programs, error) {
	root, err := Root()
	if err != nil {
		return p, err
	}
	l := string(level.Supported()[0])
	cmd := exec.Command("cmd/agent0-engine/build.sh", l, filepath.Join(dir, level.Prefix+l), "test")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "AGENT0_ENGINE_TAGS=fault")
	if out, err := cmd.CombinedOutput(); err != nil {
		return p, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	p.Engines = dir
	return p, nil
}

// Root is the folder of the module.
func Root() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// Tiny is the path of agent0-tiny, a real model that knows what words mean.
func Tiny() (string, error) {
	root, err := Root()
	return filepath.Join(root, "examples/tiny/agent0-tiny.gguf"), err
}
