package ladder_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/ladder"
)

// machine is a folder of libraries, of which broken are those that do not work.
type machine struct {
	t      *testing.T
	dir    string
	broken map[string]error
	probed []string
	now    ladder.Now
	layers int
}

// library returns what the library of a backend is called here.
func library(backend string) string {
	if os.PathSeparator == '\\' {
		return "ggml-" + backend + ".dll"
	}
	return "libggml-" + backend + ".so"
}

func newMachine(t *testing.T, backends ...string) *machine {
	m := &machine{t: t, dir: t.TempDir(), broken: map[string]error{}, layers: -1, now: ladder.Now{Boot: "first", Time: time.Now()}}
	for _, b := range backends {
		m.write(library(b), b)
	}
	m.write("trials", "")
	m.write("engine", "")
	return m
}

func (m *machine) write(name, content string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// climb returns the backend that is chosen, by the name of its file.
func (m *machine) climb() (string, ladder.Choice) {
	m.t.Helper()
	m.probed = nil
	c := ladder.Climb(m.t.Context(), ladder.Config{
		Backends: m.dir, Layers: m.layers, Engine: filepath.Join(m.dir, "engine"),
		Memory: filepath.Join(m.dir, "memory"), Trials: filepath.Join(m.dir, "trials"),
		Limit: time.Minute, Total: time.Minute,
		Probe: func(_ context.Context, path string) (string, error) {
			name := filepath.Base(path)
			m.probed = append(m.probed, name)
			return "a device", m.broken[name]
		},
	}, m.now)
	if c.Library == "" {
		return "", c
	}
	return filepath.Base(c.Library), c
}

func TestRungs(t *testing.T) {
	m := newMachine(t, "sycl", "base", "cpu", "cpu-haswell", "vulkan", "blas", "cuda")
	got, err := ladder.Rungs(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range got {
		got[i] = filepath.Base(path)
	}
	if want := []string{library("cuda"), library("vulkan"), library("blas"), library("sycl")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The first that works is used, and it is said why those above it are not.
func TestClimb(t *testing.T) {
	m := newMachine(t, "cuda", "vulkan", "sycl")
	if got, c := m.climb(); got != library("cuda") || c.Degraded != nil || c.Lower {
		t.Errorf("%+v", c)
	}
	m = newMachine(t, "cuda", "vulkan", "sycl")
	m.broken[library("cuda")] = errors.New("libcuda.so.1 is missing")
	got, c := m.climb()
	want := []string{library("cuda") + " is not used: libcuda.so.1 is missing"}
	if got != library("vulkan") || !slices.Equal(c.Degraded, want) || !c.Lower || len(m.probed) != 2 {
		t.Errorf("%s, %+v", got, c)
	}
	for _, b := range []string{"vulkan", "sycl"} {
		m.broken[library(b)] = errors.New("broken")
	}
	m.write(library("vulkan"), "another")
	if got, c := m.climb(); got != "" || len(c.Degraded) != 3 || !c.Lower {
		t.Errorf("%s, %+v", got, c)
	}
}

// A host without a GPU is not degraded, unless it is to have one.
func TestNoLibrary(t *testing.T) {
	for _, c := range []struct {
		dir    string
		layers int
		want   string
	}{
		{"", -1, ""}, {"", 0, ""}, {"", 20, "backends names no folder"},
		{t.TempDir(), -1, ""}, {t.TempDir(), 0, ""}, {t.TempDir(), 20, "there is no library for one in"},
		{"/is/not/there", -1, "/is/not/there is missing"}, {"/is/not/there", 0, ""},
	} {
		got := ladder.Climb(t.Context(), ladder.Config{Backends: c.dir, Layers: c.layers}, ladder.Now{})
		words := strings.Join(got.Degraded, " ")
		if got.Library != "" || got.Lower || (words == "") != (c.want == "") || !strings.Contains(words, c.want) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	m := newMachine(t, "cuda")
	m.layers = 0
	if got, c := m.climb(); got != "" || c.Degraded != nil || m.probed != nil {
		t.Errorf("layers are not wanted: %+v, tried %q", c, m.probed)
	}
}

// What was found out holds until something changes of which it may be another.
func TestMemory(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*machine)
		probed int
	}{
		"nothing changes":          {func(*machine) {}, 0},
		"the clocks are read late": {func(m *machine) { m.now.Asleep += 10 * time.Microsecond }, 0},
		"a minute later":           {func(m *machine) { m.now.Time = m.now.Time.Add(time.Minute) }, 0},
		"an hour later":            {func(m *machine) { m.now.Time = m.now.Time.Add(time.Hour) }, 1},
		"the time was set back":    {func(m *machine) { m.now.Time = m.now.Time.Add(-time.Hour) }, 1},
		"after a suspend":          {func(m *machine) { m.now.Asleep += time.Hour }, 2},
		"after a restart":          {func(m *machine) { m.now.Boot = "second" }, 2},
		"another library":          {func(m *machine) { m.write(library("cuda"), "a new one") }, 1},
		"another engine":           {func(m *machine) { m.write("engine", "a new one") }, 2},
		"a memory that is damaged": {func(m *machine) { m.write("memory", `{"found":`) }, 2},
		"a memory that is empty":   {func(m *machine) { m.write("memory", "") }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "cuda", "vulkan")
			m.broken[library("cuda")] = errors.New("broken")
			first, before := m.climb()
			if first != library("vulkan") || len(m.probed) != 2 {
				t.Fatalf("%s, tried %q", first, m.probed)
			}
			c.change(m)
			if got, after := m.climb(); got != first || !slices.Equal(after.Degraded, before.Degraded) || len(m.probed) != c.probed {
				t.Errorf("%s, %q, tried %q, want %d", got, after.Degraded, m.probed, c.probed)
			}
		})
	}
}

// A backend of which two engines died is left alone for a while; one that ended well is not blamed.
func TestTrials(t *testing.T) {
	m := newMachine(t, "cuda", "vulkan")
	trials := filepath.Join(m.dir, "trials")
	begin := func() *ladder.Trial {
		got, c := m.climb()
		if got != library("cuda") {
			t.Fatalf("%s: %+v", got, c)
		}
		trial, err := ladder.Begin(trials, c.Library)
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	begin() // dies
	if err := begin().End(); err != nil {
		t.Fatal(err)
	}
	begin() // dies
	begin() // dies
	for range 2 {
		got, c := m.climb()
		if got != library("vulkan") || len(c.Degraded) != 1 || !strings.Contains(c.Degraded[0], "2 engines in a row died with it") || !c.Lower {
			t.Errorf("%s: %+v", got, c)
		}
	}
	m.now.Asleep += time.Minute
	begin()
}

// Libraries that hang do not keep an engine from computing, however many they are.
func TestTime(t *testing.T) {
	all := strings.Fields("a b c d e f g h i j k l")
	m := newMachine(t, all...)
	c := ladder.Climb(t.Context(), ladder.Config{
		Backends: m.dir, Layers: -1, Limit: 50 * time.Millisecond, Total: 500 * time.Millisecond,
		Probe: func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() },
	}, m.now)
	if c.Library != "" || len(c.Degraded) != len(all) {
		t.Fatalf("%+v", c)
	}
	if first, last := c.Degraded[0], c.Degraded[len(all)-1]; !strings.Contains(first, "it hangs") || !strings.Contains(last, "no time left") {
		t.Errorf("%q, %q", first, last)
	}
}

func TestResumed(t *testing.T) {
	for _, c := range []struct {
		before, now time.Duration
		want        bool
	}{
		{0, 0, false}, {0, 50 * time.Microsecond, false}, {50 * time.Microsecond, 0, false},
		{0, time.Second, true}, {time.Hour, time.Hour + time.Minute, true}, {time.Hour, time.Hour, false},
	} {
		if got := ladder.Resumed(c.before, c.now); got != c.want {
			t.Errorf("%v, then %v: %v", c.before, c.now, got)
		}
	}
}

// The real clocks tell of no suspend between two readings, and of the same start of the machine.
func TestLook(t *testing.T) {
	a, err := ladder.Look()
	if err != nil {
		t.Fatal(err)
	}
	b, err := ladder.Look()
	if err != nil || a.Boot == "" || a.Boot != b.Boot || ladder.Resumed(a.Asleep, b.Asleep) {
		t.Errorf("%+v, then %+v: %v", a, b, err)
	}
}
