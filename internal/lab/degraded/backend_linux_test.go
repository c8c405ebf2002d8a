package degraded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

var words = []string{"violin", "river", "mountain", "king", "castle", "bread", "horse", "doctor"}

// A library with a backend is loaded into the engine, and the model computed with the code in it: the same texts as by the CPU.
func TestBackend(t *testing.T) {
	cpu := start(t, programs, nil)
	degradedIs(t, cpu, cpu.AwaitReady(t))
	var want []string
	for _, w := range words {
		want = append(want, answer(t, cpu, w))
	}
	dir := t.TempDir()
	library := filepath.Join(dir, "libggml-cuda.so")
	paper(t, library, `-DPAPER_NAME="Paper"`)
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends = dir })
	h := s.AwaitReady(t)
	if h.Backend != "Paper" || h.Device != "Paper0 (a GPU on paper)" {
		t.Errorf("%q on %q", h.Backend, h.Device)
	}
	degradedIs(t, s, h)
	for i, w := range words {
		if got := answer(t, s, w); got != want[i] || !strings.Contains(got, " ") {
			t.Errorf("%s: %q, by the CPU %q", w, got, want[i])
		}
	}
	s.AwaitLog(t, "computing by the code in "+library)
	if got := s.Metrics(t, "agent0_engine_info"); !strings.Contains(got, `backend="Paper"`) || !strings.Contains(got, `device="Paper0 (a GPU on paper)"`) {
		t.Error(got)
	}
	// The next engine uses it too, and is not kept waiting for what is known.
	if next := replaced(t, s, h); next.Backend != "Paper" {
		t.Errorf("%q computes", next.Backend)
	}
}

// replaced kills an engine and returns what is said when the next one is ready.
func replaced(t *testing.T, s *serving.Server, h serving.Health) serving.Health {
	t.Helper()
	if err := syscall.Kill(h.Engine.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	return s.Await(t, "ready again", func(n serving.Health) bool { return n.Ready && n.Engine.PID != h.Engine.PID })
}

// Libraries that do not work are passed over, each with its reason, and the first that does is used.
func TestLadder(t *testing.T) {
	dir := t.TempDir()
	reasons := broken(t, dir)
	paper(t, filepath.Join(dir, "libggml-zz.so"), `-DPAPER_NAME="Paper"`)
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends = dir })
	h := s.AwaitReady(t)
	// On a busy machine there may be no time for all: the next engine goes on where this one stopped.
	for strings.Contains(strings.Join(h.Degraded, "\n"), "no time left") {
		h = replaced(t, s, h)
	}
	if h.Backend != "Paper" {
		t.Errorf("%q computes", h.Backend)
	}
	degradedIs(t, s, h, reasons...)
	answer(t, s, "violin")
}

// broken makes a library of each kind that does not work, and returns what is to be said about them.
func broken(t *testing.T, dir string) (reasons []string) {
	t.Helper()
	add := func(name, reason string) string {
		reasons = append(reasons, fmt.Sprintf("libggml-%s.so is not used: %s", name, reason))
		return filepath.Join(dir, "libggml-"+name+".so")
	}
	c := func(path, source string, args ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "library.c")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := compile("gcc", append([]string{"-shared", "-fPIC", "-o", path, file}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	text := add("cuda", "cannot load it: invalid ELF header")
	c(add("vulkan", "cannot load it: failed to find ggml_backend_init"), "int nothing;")
	c(add("a", "who tried it died: exit status 2: SIGSEGV"), `__attribute__((constructor)) static void crash(void) { *(volatile int *)0 = 1; }`)
	c(add("b", "who tried it died: signal: killed"), `#include <signal.h>
#include <unistd.h>
__attribute__((constructor)) static void crash(void) { kill(getpid(), SIGKILL); }`)
	c(add("c", "cannot load it: libgpudriver.so.1: cannot open shared object file"), "int driver(void); int use(void) { return driver(); }", "-L"+driver(t), "-lgpudriver")
	paper(t, add("d", "no device was found"), `-DPAPER_NAME="Paper"`, "-DPAPER_NO_DEVICE")
	paper(t, add("e", "cannot compute with Paper0: it computes wrong numbers"), `-DPAPER_NAME="Paper"`, "-DPAPER_WRONG")
	short := add("f", "") // how it fails depends on where it was cut
	c(add("g", "cannot load it: ggml_backend_init returned NULL"), "void *ggml_backend_init(void) { return 0; }")
	if err := os.WriteFile(text, []byte("this is a text and no library, whatever its name says: "+strings.Repeat("x", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "libggml-d.so"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(short, whole[:len(whole)/3], 0o600); err != nil {
		t.Fatal(err)
	}
	return reasons
}

// driver returns the folder of a library that is there when another is linked, and not when it is used.
func driver(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "driver.c")
	if err := os.WriteFile(source, []byte("int driver(void) { return 0; }"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compile("gcc", "-shared", "-fPIC", "-Wl,-soname,libgpudriver.so.1", "-o", filepath.Join(dir, "libgpudriver.so"), source); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A library that hangs is given up after a while, and the next engine need not wait for that again.
func TestHangingLibrary(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(t.TempDir(), "hang.c")
	if err := os.WriteFile(source, []byte("#include <unistd.h>\nvoid *ggml_backend_init(void) { for (;;) pause(); }"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compile("gcc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libggml-cuda.so"), source); err != nil {
		t.Fatal(err)
	}
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends = dir })
	h := s.AwaitReady(t)
	const why = "libggml-cuda.so is not used: it hangs: it proved nothing in 12s"
	degradedIs(t, s, h, why)
	if h.Backend != "CPU" {
		t.Errorf("%q computes", h.Backend)
	}
}

// A backend that multiplies matrices and dies of a model is left after two engines, which proves too that the token before readiness
// is computed by the backend.
func TestBackendDiesOfTheModel(t *testing.T) {
	dir := t.TempDir()
	paper(t, filepath.Join(dir, "libggml-cuda.so"), `-DPAPER_NAME="Paper"`, "-DPAPER_BREAKS_LATER")
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends = dir })
	h := s.AwaitReady(t)
	degradedIs(t, s, h, "libggml-cuda.so is not used: 2 engines in a row died with it before they were ready")
	if h.Backend != "CPU" || exits(h.Engine.Exits) != 2 {
		t.Errorf("%q computes after %v", h.Backend, h.Engine.Exits)
	}
	answer(t, s, "violin")
}

// A library that hangs with the model, when it worked alone, is not waited for without end.
func TestBackendHangsOfTheModel(t *testing.T) {
	dir := t.TempDir()
	paper(t, filepath.Join(dir, "libggml-cuda.so"), `-DPAPER_NAME="Paper"`, "-DPAPER_HANGS_LATER")
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends, c.Engine.Stall = dir, 2*time.Second })
	h := s.AwaitReady(t)
	degradedIs(t, s, h, "libggml-cuda.so is not used: 2 engines in a row died with it before they were ready")
	if h.Backend != "CPU" || exits(h.Engine.Exits) != 2 {
		t.Errorf("%q computes after %v", h.Backend, h.Engine.Exits)
	}
	s.AwaitLog(t, "loading the model does not get on")
	answer(t, s, "violin")
}

func exits(by map[string]uint64) (n uint64) {
	for _, c := range by {
		n += c
	}
	return n
}

// A host that has no GPU is as it should be, unless it is to have one.
func TestNoGPU(t *testing.T) {
	s := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends = t.TempDir() })
	h := s.AwaitReady(t)
	degradedIs(t, s, h)
	if h.Backend != "CPU" || h.Device != "CPU" || h.Engine.Build == "" {
		t.Errorf("%+v", h)
	}
	asked := start(t, programs, func(c *spec.Runtime) { c.Engine.Backends, c.Engine.GPULayers = t.TempDir(), 20 })
	degradedIs(t, asked, asked.AwaitReady(t), "gpu_layers asks for a GPU, and there is no library for one in ")
}
