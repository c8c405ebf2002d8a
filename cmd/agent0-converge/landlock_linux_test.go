package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPlanningCannotWrite proves that a process which called forbidWriting cannot: not even a bug
// in a kind's Read would change a host.
func TestPlanningCannotWrite(t *testing.T) {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
		t.Skipf("the kernel has no Landlock: %v", errno)
	}
	dir := os.Getenv("AGENT0_TEST_LANDLOCK")
	if dir != "" {
		writeWhereForbidden(t, dir)
		return
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	// What was given up is given up for good, so another process does it.
	cmd := exec.Command(os.Args[0], "-test.run=^TestPlanningCannotWrite$", "-test.v")
	cmd.Env = append(os.Environ(), "AGENT0_TEST_LANDLOCK="+dir, "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("7 of 7 writes refused")) {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "there"))
	if entries, _ := os.ReadDir(dir); err != nil || string(b) != "as it was" || len(entries) != 1 {
		t.Fatalf("the folder changed: %q %v %v", b, entries, err)
	}
}

func writeWhereForbidden(t *testing.T, dir string) {
	t.Helper()
	if err := forbidWriting(); err != nil {
		t.Fatal(err)
	}
	there, new := filepath.Join(dir, "there"), filepath.Join(dir, "new")
	refused := 0
	for name, write := range map[string]func() error{
		"write":   func() error { return os.WriteFile(there, []byte("changed"), 0o644) },
		"create":  func() error { return os.WriteFile(new, nil, 0o644) },
		"mkdir":   func() error { return os.Mkdir(new, 0o755) },
		"symlink": func() error { return os.Symlink("x", new) },
		"rename":  func() error { return os.Rename(there, new) },
		"unlink":  func() error { return os.Remove(there) },
		"by a child": func() error {
			return exec.Command("/bin/sh", "-c", `echo changed > "$0"`, there).Run()
		},
	} {
		err := write()
		var exit *exec.ExitError
		if !errors.Is(err, fs.ErrPermission) && !errors.As(err, &exit) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		refused++
	}
	if _, err := os.ReadFile(there); err != nil {
		t.Errorf("reading must go on: %v", err)
	}
	fmt.Printf("%d of 7 writes refused\n", refused)
	if !t.Failed() {
		os.Exit(0) // what usually comes after the tests wants to write
	}
}

// TestPlanChangesNothing compares the whole tree, the journal's folder too, before and after every
// command that only looks.
func TestPlanChangesNothing(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	quickstart := filepath.Join("..", "..", "examples", "quickstart")
	listing := func() string {
		var b strings.Builder
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			b.WriteString(p + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := listing()
	for _, args := range [][]string{
		{"plan", "--root", root, quickstart}, {"drift", "--root", root, quickstart}, {"validate", "--root", root, quickstart},
		{"history", "--root", root}, {"show", "--root", root}, {"plan", "--json", "--root", root, quickstart},
	} {
		cmd := exec.CommandContext(context.Background(), binary(t), args...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState.ExitCode() != exitDiffers {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		if after := listing(); after != before {
			t.Errorf("%v changed\n%s\nto\n%s", args, before, after)
		}
	}
}
