package level_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/level"
)

func install(t *testing.T, dir string, levels ...level.Level) {
	t.Helper()
	for _, l := range levels {
		if err := os.WriteFile(filepath.Join(dir, level.Prefix+string(l)), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// The best that the CPU can run is taken, and it is said if there could be a better one.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, level.V2, level.V3)
	for _, c := range []struct {
		cpu      []level.Level
		want     level.Level
		degraded bool
	}{
		{[]level.Level{level.V4VNNI, level.V3, level.V2}, level.V3, true},
		{[]level.Level{level.V3, level.V2}, level.V3, false},
		{[]level.Level{level.V2}, level.V2, false},
	} {
		f, err := level.Find(dir, c.cpu)
		if err != nil || f.Level != c.want || (f.Degraded != "") != c.degraded || !strings.HasSuffix(f.Path, string(c.want)) {
			t.Errorf("%v: %+v, %v", c.cpu, f, err)
		}
	}
}

func TestNothingToFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := level.Find(dir, []level.Level{level.V3, level.V2}); err == nil || !strings.Contains(err.Error(), "install agent0-engine-x86-64-v3 or agent0-engine-x86-64-v2") {
		t.Errorf("%v", err)
	}
	install(t, dir, level.V4VNNI)
	if _, err := level.Find(dir, []level.Level{level.V2}); err == nil {
		t.Error("a build that this CPU cannot run was taken")
	}
	if _, err := level.Find(dir, nil); err == nil || !strings.Contains(err.Error(), "none is built for this one") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, level.Prefix+string(level.V2)), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := level.Find(dir, []level.Level{level.V2}); err != nil {
		t.Logf("%v", err)
	} else {
		t.Error("what is no program was taken")
	}
}

func TestThisCPU(t *testing.T) {
	all := level.Supported()
	if len(all) == 0 {
		t.Skip("no engine is built for this CPU")
	}
	t.Log(all)
}
