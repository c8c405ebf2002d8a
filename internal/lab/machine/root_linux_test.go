package machine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A root that cannot be built says why, by the log, and leaves nothing that looks like one.
func TestRootWithoutNetwork(t *testing.T) {
	Need(t)
	cache := t.TempDir()
	r := &root{
		cache: cache, dir: filepath.Join(cache, "root-bookworm-test"), suite: "bookworm",
		mirror: "http://127.0.0.1:9/debian", packages: basePackages(),
	}
	err := r.build(t.Context())
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

// Of many who want the same root at once, one builds it.
func TestRootIsBuiltOnce(t *testing.T) {
	cache := t.TempDir()
	r := &root{cache: cache, dir: filepath.Join(cache, "root")}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			// A second build would find the folder there.
			dir, err := r.once(t.Context(), func(context.Context) error { return os.Mkdir(r.dir, 0o755) })
			if dir != r.dir || err != nil {
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

func TestRootIsNamedByWhatIsInIt(t *testing.T) {
	Need(t)
	name := func(packages ...string) string {
		t.Helper()
		r, err := wantedRoot(t.Context(), "/cache", packages)
		if err != nil {
			t.Fatal(err)
		}
		return r.dir
	}
	if name("ufw", "firewalld") != name("firewalld", "ufw", "ufw", "dbus") {
		t.Error("the order of packages matters")
	}
	if name() == name("ufw") {
		t.Error("the packages do not matter")
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
