package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestCredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	longest := bytes.Repeat([]byte("x"), 1<<20)
	for name, content := range map[string][]byte{"token": []byte("se\x00cret\n"), "empty": {}, "longest": longest, "long": append(longest, 'x')} {
		check(t, os.WriteFile(filepath.Join(dir, name), content, 0o400))
	}
	check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for name, want := range map[string][]byte{"token": []byte("se\x00cret\n"), "empty": {}, "longest": longest} {
		if got, err := host.Credential(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for name, why := range map[string]string{
		"none": "no such", "long": "longer than", "folder": "directory", "": "no name", ".": "no name", "..": "no name",
		"../token": "no name", "a/b": "no name", `a\b`: "no name", "a:b": "no name", "a\x00b": "no name",
	} {
		if got, err := host.Credential(name); err == nil || got != nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := host.Credential("none"); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := host.Credential("token"); err == nil || !strings.Contains(err.Error(), "LoadCredential=") {
		t.Error(err)
	}
}

// TestUnitsCredential runs itself as a service that is handed a credential.
func TestUnitsCredential(t *testing.T) {
	needLab(t)
	if os.Getenv("AGENT0_IN_UNIT") == "1" {
		b, err := host.Credential("token")
		fmt.Printf("got %q, %v.\n", b, err)
		return
	}
	secret := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(secret, []byte("tomato"), 0o600))
	exe, err := os.Executable()
	check(t, err)
	// A service manager whose mounts are private, as those of a container are at first, hands over an empty folder.
	program(t, "mount", "--make-rshared", "/")
	for given, want := range map[string]string{
		"LoadCredential=token:" + secret: `got "tomato", <nil>.`, "SetCredential=token:onion": `got "onion", <nil>.`,
		"LoadCredential=other:" + secret: "was given others and no such", "Description=x": "was given no credentials",
	} {
		out, err := exec.Command("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--property="+given,
			"--setenv=AGENT0_IN_LAB=1", "--setenv=AGENT0_IN_UNIT=1", exe, "-test.run=^TestUnitsCredential$").CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", given, err, out)
		}
	}
}
