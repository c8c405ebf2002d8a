package degraded_test

import (
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
)

// Where there is no engine that can be run the server answers 503 and says what to install. It serves as soon as that is done.
func TestEngineMissing(t *testing.T) {
	name := level.Prefix + string(level.Supported()[0])
	whole, err := os.ReadFile(filepath.Join(programs.Engines, name))
	if err != nil {
		t.Fatal(err)
	}
	foreign := append([]byte(nil), whole...)
	binary.LittleEndian.PutUint16(foreign[18:], 243) // e_machine of ELF: EM_RISCV
	for _, c := range []struct {
		name, reason string
		engine       []byte
		mode         os.FileMode
	}{
		{"the folder is missing", "install " + name, nil, 0},
		{"the folder is empty", "install " + name, []byte{}, 0},
		{"not executable", name + " is no program: install agent0-engine again", whole, 0o644},
		{"for another CPU", name + " cannot be run: install it again: it is a ", foreign, 0o755},
		{"cut short", name + " cannot be run: install it again: it is ", whole[:len(whole)/2], 0o755},
		{"an empty file", name + " cannot be run: install it again: it is damaged", []byte{}, 0o755},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := programs
			p.Engines = filepath.Join(t.TempDir(), "engines")
			if c.engine != nil {
				if err := os.Mkdir(p.Engines, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if c.mode != 0 {
				install(t, p.Engines, name, c.engine, c.mode)
			}
			s := start(t, p, nil)
			h := s.Await(t, "known to have no engine", func(h serving.Health) bool { return strings.Contains(h.Reason, c.reason) })
			if h.Code != http.StatusServiceUnavailable || h.Ready || h.Status != "unavailable" {
				t.Errorf("%d: %+v", h.Code, h)
			}
			t.Log(h.Reason)
			s.AwaitLog(t, c.reason)
			install(t, p.Engines, name, whole, 0o755)
			s.AwaitReady(t)
		})
	}
}

// An engine below what the CPU can do serves, and it is said that there could be a faster one. What stands in for the build for
// lesser CPUs is the one that is at hand.
func TestLesserBuild(t *testing.T) {
	all := level.Supported()
	if len(all) < 2 {
		t.Skip("this CPU can run one build alone: there is no lesser one")
	}
	lesser := all[len(all)-1]
	p := programs
	p.Engines = t.TempDir()
	copied(t, filepath.Join(programs.Engines, level.Prefix+string(all[0])), p.Engines, level.Prefix+string(lesser))
	s := start(t, p, nil)
	degradedIs(t, s, s.AwaitReady(t), "the engine is the build for "+string(lesser)+": this CPU could run the one for "+string(all[0])+", which is not installed")
}

// On a CPU without AVX2 the build for x86-64-v2 is chosen, and the real one says the same as others.
func TestWithoutAVX2(t *testing.T) {
	if os.Getenv("AGENT0_LAB") == "" {
		t.Skip("it compiles llama.cpp for x86-64-v2, which takes minutes the first time: set AGENT0_LAB=1")
	}
	dir := t.TempDir()
	p, err := serving.Build(dir, level.V2)
	if err != nil {
		t.Fatal(err)
	}
	found, err := level.Find(dir, []level.Level{level.V2}) // such a CPU
	if err != nil || found.Degraded != "" {
		t.Fatalf("%+v, %v", found, err)
	}
	s := start(t, p, nil)
	h := s.AwaitReady(t)
	degradedIs(t, s, h, "the engine is the build for x86-64-v2: this CPU could run the one for ")
	if h.Engine.Build != string(level.V2) {
		t.Errorf("it is the build for %s", h.Engine.Build)
	}
	if got := answer(t, s, "violin"); !strings.Contains(got, "stringed instrument") {
		t.Errorf("%q", got)
	}
}
