package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"agent0-converge": main})
}

// TestScript drives the program as a user does. Set AGENT0_UPDATE=1 to rewrite what is expected.
func TestScript(t *testing.T) {
	work := t.TempDir()
	bin, err := exec.LookPath("agent0-converge")
	if err != nil {
		t.Fatal(err)
	}
	// Some scripts go on as somebody who is not root: they need a way in.
	for _, dir := range []string{work, filepath.Dir(work), filepath.Dir(bin), filepath.Dir(filepath.Dir(bin))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         work,
		UpdateScripts:       os.Getenv("AGENT0_UPDATE") != "",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SUDO_USER", "alice") // whom history names
			return os.MkdirAll(filepath.Join(env.WorkDir, "root"), 0o755)
		},
		Condition: condition,
		Cmds:      commands(),
	})
}

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"run": scriptRun, "a0": scriptA0, "tree": scriptTree, "mask": scriptMask, "gguf": scriptGGUF,
	}
	for name, cmd := range platformCommands() {
		cmds[name] = cmd
	}
	return cmds
}

// scriptRun is "run STATUS PROGRAM ARGUMENT...": it wants that exit status and masks what is
// printed.
func scriptRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: run STATUS PROGRAM ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	ended(ts, args[0], err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
}

// scriptA0 is "a0 STATUS ARGUMENT...": the program itself.
func scriptA0(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: a0 STATUS ARGUMENT...")
	}
	scriptRun(ts, false, append([]string{args[0], "agent0-converge"}, args[1:]...))
}

// ended passes on what a program printed, and fails if its status is not as wanted.
func ended(ts *testscript.TestScript, want string, err error, stdout, stderr string) {
	status := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	work := ts.Getenv("WORK")
	ts.Check(writeTo(ts.Stdout(), masked(stdout, work)))
	ts.Check(writeTo(ts.Stderr(), masked(stderr, work)))
	if strconv.Itoa(status) != want {
		ts.Fatalf("exit status %d, not %s\n[stdout]\n%s[stderr]\n%s", status, want, stdout, stderr)
	}
}

func writeTo(w interface{ Write([]byte) (int, error) }, s string) error {
	_, err := w.Write([]byte(s))
	return err
}

// scriptMask is "mask FILE": it prints a file, masked.
func scriptMask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mask FILE")
	}
	ts.Check(writeTo(ts.Stdout(), strings.ReplaceAll(masked(ts.ReadFile(args[0]), ts.Getenv("WORK")), "\r\n", "\n")))
}

// masks replace what is another in every run.
var masks = []struct{ from, to string }{
	{`(✓ )(<1 ms|\d+ ms|[\d.]+s)`, "${1}TIME"},
	{`((?:create|change|remove) +|exit -?\d+, )(<1 ms|\d+ ms|[\d.]+s)`, "${1}TIME"},
	{`"(seconds|took|time)": [\d.e-]+`, `"$1": TIME`},
	{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`, "2026-01-02 03:04:05"},
	{`\bpid (\d+)`, "pid PID"},
	{`"pid": \d+`, `"pid": PID`},
	{`at byte \d+`, "at byte N"},
	{`sha256:[0-9a-f]{64}`, "sha256:HEX"},
	{`\b[0-9a-f]{64}\b`, "HEX"},
	{`\b[0-9a-f]{32}\b`, "HEX"},
	{`\b[0-9a-f]{12}\b`, "0123456789ab"},
	{`disk [\d.]+ \w+ → [\d.]+ \w+ free`, "disk FREE → LEFT free"},
	{`"(free|left)_bytes": \d+`, `"${1}_bytes": BYTES`},
	{`about [^,\n]*? at 100 Mbit/s`, "about A WHILE at 100 Mbit/s"},
	{`"rate":[\d.e+-]+`, `"rate":RATE`},
	{`\bgo1\.\d+(\.\d+)?\b`, "go1.X"},
	{`(linux|windows)/(amd64|arm64)`, "OS/ARCH"},
	{`"arch": "\w+"`, `"arch": "ARCH"`},
}

func masked(s, work string) string {
	s = strings.ReplaceAll(s, work, "$WORK")
	if os.Getuid() > 0 { // what is expected was made by root
		s = regexp.MustCompile(fmt.Sprintf(`\b((?:owner|group)"?:? +"?)(?:%d|%d)\b`, os.Getuid(), os.Getgid())).ReplaceAllString(s, "${1}root")
	}
	for _, m := range masks {
		s = regexp.MustCompile(m.from).ReplaceAllString(s, m.to)
	}
	return s
}

// scriptTree is "tree DIR": it prints what is in a root apart from the journal.
func scriptTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tree DIR")
	}
	root, out := ts.MkAbs(args[0]), ts.Stdout()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if rel == "var" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + rel
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line += " -> " + target
		}
		return writeTo(out, line+"\n")
	})
	ts.Check(err)
}

// scriptGGUF is "gguf FILE SEED NAME": it makes a model, and sets $NAME to its SHA-256 and $NAME_SIZE to its size.
func scriptGGUF(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: gguf FILE SEED NAME")
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	o := gguftest.Small()
	o.Seed = seed
	var b bytes.Buffer
	ts.Check(gguftest.Write(&b, o))
	file := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	ts.Check(os.WriteFile(file, b.Bytes(), 0o644))
	ts.Setenv(args[2], fmt.Sprintf("%x", sha256.Sum256(b.Bytes())))
	ts.Setenv(args[2]+"_SIZE", strconv.Itoa(b.Len()))
}
