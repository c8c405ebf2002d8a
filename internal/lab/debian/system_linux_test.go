package debian

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

func need(t *testing.T) {
	t.Helper()
	if why := Missing(); why != "" {
		t.Skip("needs " + why)
	}
}

// A system that cannot be built says why, by the log, and leaves nothing that looks like one.
func TestBuildWithoutNetwork(t *testing.T) {
	need(t)
	cache := t.TempDir()
	s := &System{
		cache: cache, dir: filepath.Join(cache, "root-bookworm-test"),
		source: source{suite: "bookworm", mirror: "http://127.0.0.1:9/debian"}, packages: []string{"systemd"},
	}
	_, err := s.Once(t.Context(), s.Bootstrap)
	if err == nil {
		t.Fatal("built a root out of nothing")
	}
	for _, want := range []string{"127.0.0.1:9", "is there a network?", "Release"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(cache, "root-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %s, %v", left, err)
	}
}

// Of many who want the same system at once, one builds it.
func TestSystemIsBuiltOnce(t *testing.T) {
	cache := t.TempDir()
	s := &System{cache: cache, dir: filepath.Join(cache, "root")}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := s.Once(t.Context(), func(_ context.Context, part string) error {
				if exists(s.dir) {
					return errors.New("it is there already")
				}
				return os.Mkdir(part, 0o755)
			})
			if dir != s.dir || err != nil {
				t.Errorf("%q, %v", dir, err)
			}
		})
	}
	all.Wait()
}

func TestLockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); err == nil {
		t.Error("two have the lock")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if unlock, err = lock(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestSystemIsNamedByWhatIsInIt(t *testing.T) {
	need(t)
	name := func(recipe string, packages ...string) string {
		t.Helper()
		s, err := wanted(t.Context(), "/cache", "root", recipe, packages)
		if err != nil {
			t.Fatal(err)
		}
		return s.dir
	}
	if name("1", "ufw", "firewalld") != name("1", "firewalld", "ufw", "ufw") {
		t.Error("the order of packages matters")
	}
	if name("1") == name("1", "ufw") {
		t.Error("the packages do not matter")
	}
	if name("1") == name("2") {
		t.Error("the recipe does not matter")
	}
}

func TestSuiteOf(t *testing.T) {
	for content, want := range map[string]string{
		"NAME=Debian\nVERSION_CODENAME=bookworm\n": "bookworm", "VERSION_CODENAME=\"noble\"\n": "noble", "NAME=Other\n": "",
	} {
		file := filepath.Join(t.TempDir(), "os-release")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := suiteOf(file); got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
}

// Install asks apt for nothing that is there, and says what it could not install.
func TestInstall(t *testing.T) {
	need(t)
	if err := Install(t.Context(), map[string]string{"sh": "agent0-no-such-package"}); err != nil {
		t.Error(err)
	}
	err := Install(t.Context(), map[string]string{"agent0-no-such-program": "agent0-no-such-package"})
	if err == nil || !strings.Contains(err.Error(), "cannot install agent0-no-such-package") {
		t.Errorf("installed what there is not: %v", err)
	}
}

// A quiet root masks what it is told to and what it always does, and has a name of its own.
func TestQuiet(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Quiet(root, "some.service"); err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{"some.service", "fstrim.timer"} {
		if to, err := os.Readlink(filepath.Join(root, "etc/systemd/system", unit)); to != "/dev/null" || err != nil {
			t.Errorf("%s: %q, %v", unit, to, err)
		}
	}
	if got := program.TailOf(filepath.Join(root, "etc/hostname")); got != "lab" {
		t.Errorf("it is called %q", got)
	}
}

// What cannot be unpacked says from where it was to come, and leaves nothing.
func TestUnpackWithoutNetwork(t *testing.T) {
	need(t)
	cache := t.TempDir()
	s := &System{
		cache: cache, dir: filepath.Join(cache, "root-sid-test"),
		source: source{suite: "bookworm", mirror: "http://127.0.0.1:9/debian"}, packages: []string{"hello"},
	}
	_, err := s.Once(t.Context(), func(ctx context.Context, part string) error { return s.Unpack(ctx, "sid", part) })
	if err == nil {
		t.Fatal("unpacked what there is not")
	}
	if !strings.Contains(err.Error(), "127.0.0.1:9") || !strings.Contains(err.Error(), "is there a network?") {
		t.Errorf("the error is %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(cache, "root-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %s, %v", left, err)
	}
}
