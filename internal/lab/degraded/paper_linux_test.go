package degraded_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
)

// paper compiles testdata/paper.cpp with ggml's CPU backend, of the module that the engine's llama.cpp comes from, as the library of a
// backend. What it defines says what the backend is called, and what is wrong with it.
func paper(t *testing.T, library string, defines ...string) {
	t.Helper()
	s, err := module(t)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := s.compiled()
	if err != nil {
		t.Fatal(err)
	}
	args := append(s.flags("-std=c++17", "-DGGML_BACKEND_DL", "-DGGML_BACKEND_SHARED"), defines...)
	args = append(append(args, "-shared", "-static-libgcc", "-static-libstdc++", "-o", library, "testdata/paper.cpp"), objects...)
	// Its names are the engine's too: what it has itself it uses itself.
	if err := compile("g++", append(args, "-Wl,-Bsymbolic")...); err != nil {
		t.Fatal(err)
	}
}

// sources are ggml's.
type sources struct{ ggml, module string }

func module(t *testing.T) (sources, error) {
	t.Helper()
	root, err := serving.Root()
	if err != nil {
		return sources{}, err
	}
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}} {{.Path}}@{{.Version}}", "github.com/ollama/ollama")
	cmd.Dir = root
	out, err := cmd.Output()
	dir, name, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return sources{filepath.Join(dir, "ml/backend/ggml/ggml"), name}, err
}

func (s sources) flags(more ...string) []string {
	return append([]string{
		"-O1", "-fPIC", "-fvisibility=hidden", "-w", "-march=" + march(), "-DNDEBUG", "-DGGML_BACKEND_BUILD", "-D_GNU_SOURCE", "-DGGML_VERSION=0x0", "-DGGML_COMMIT=0x0",
		"-I" + s.ggml + "/include", "-I" + s.ggml + "/src", "-I" + s.ggml + "/src/ggml-cpu",
	}, more...)
}

// march is a CPU that this one can stand in for.
func march() string {
	switch all := level.Supported(); {
	case slices.Contains(all, level.V3):
		return string(level.V3)
	case slices.Contains(all, level.V2):
		return string(level.V2)
	}
	return "armv8-a"
}

// compiled returns the objects of ggml's CPU backend. They are made once, and kept in the user's cache: it takes most of a minute.
func (s sources) compiled() ([]string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	compiler, err := exec.Command("g++", "--version").Output()
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(fmt.Append(nil, s.module, s.flags(), string(compiler)))
	dir := filepath.Join(cache, "agent0-lab", "ggml-cpu-"+hex.EncodeToString(key[:8]))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := s.make(dir); err != nil {
			return nil, err
		}
	}
	return filepath.Glob(filepath.Join(dir, "*.o"))
}

// make compiles into a folder that is there as a whole or not at all.
func (s sources) make(dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".ggml-cpu-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	arch := map[string]string{"amd64": "x86", "arm64": "arm"}[runtime.GOARCH]
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	n := 0
	for _, sub := range []string{"", "arch/" + arch, "amx"} {
		for _, kind := range []struct{ pattern, compiler, std string }{{"*.c", "gcc", "-std=c11"}, {"*.cpp", "g++", "-std=c++17"}} {
			files, err := filepath.Glob(filepath.Join(s.ggml, "src/ggml-cpu", sub, kind.pattern))
			if err != nil {
				return err
			}
			for _, file := range files {
				n++
				out := filepath.Join(temp, fmt.Sprintf("%d-%s.o", n, filepath.Base(file)))
				work.Go(func() error { return compile(kind.compiler, s.flags(kind.std, "-c", "-o", out, file)...) })
			}
		}
	}
	if err := work.Wait(); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, os.ErrExist) { // another test made it meanwhile
		return err
	}
	return nil
}

func compile(compiler string, args ...string) error {
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", compiler, strings.Join(args, " "), err, out)
	}
	return nil
}
