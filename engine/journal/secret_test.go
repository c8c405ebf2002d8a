package journal

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// filesWith lists the journal's files that contain s.
func (r *rig) filesWith(s string) []string {
	r.t.Helper()
	var out []string
	check(r.t, fs.WalkDir(os.DirFS(r.Path(Dir)), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(r.Get(Dir+"/"+name), s) {
			out = append(out, name)
		}
		return err
	}))
	return out
}

// Old secrets lie in the vault for two runs, and nowhere else; what is wanted lies nowhere.
func TestSecretsStayInTheVault(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/s": {Content: "TOKEN=canary-zero\n"}})
	value := func(n string) engine.Declared {
		d := secret("s", "TOKEN=canary-"+n+"\n")
		d.Spec.(*note).Touch = "now"
		return d
	}
	for i, step := range []struct {
		value string
		vault map[string]int // in which runs' folders a secret lies
	}{
		{"one", map[string]int{"zero": 1}},
		{"two", map[string]int{"zero": 1, "one": 2}},
		{"three", map[string]int{"one": 2, "two": 3}},
		{"four", map[string]int{"two": 3, "three": 4}},
	} {
		r.apply(value(step.value))
		for _, word := range []string{"zero", "one", "two", "three", "four"} {
			var where []int
			for _, name := range r.filesWith("canary-" + word) {
				if !strings.HasPrefix(name, "vault/") {
					t.Errorf("run %d: %s shows the secret %s", i+1, name, word)
				}
				where = append(where, int(name[len("vault/00000")]-'0'))
			}
			if want := step.vault[word]; len(where) > 1 || want > 0 && !slices.Equal(where, []int{want}) || want == 0 && len(where) > 0 {
				t.Errorf("run %d: %s lies in the vault of runs %v, want %d", i+1, word, where, want)
			}
		}
	}
	run, err := r.mustOpen().Show(4)
	if err != nil || len(run.Changes[0].Calls) != 1 || !strings.Contains(run.Changes[0].Calls[0].Output, "(secret)") {
		t.Errorf("the call is recorded as %+v, %v", run.Changes[0].Calls, err)
	}
	r.undo(3)
	if got := r.Get("/etc/s"); got != "TOKEN=canary-two\n" {
		t.Errorf("undone to %q", got)
	}
}

func TestSecretsDigestOnly(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/s": {Content: "canary"}})
	r.options.SecretsDigestOnly = true
	r.apply(secret("s", "new"))
	if names := r.filesWith("canary"); len(names) > 0 {
		t.Errorf("%v show the secret", names)
	}
	if err := r.tryUndo(0); err == nil || !strings.Contains(err.Error(), "no longer kept") {
		t.Errorf("undo without the old secret: %v", err)
	}
	if got := r.Get("/etc/s"); got != "new" {
		t.Errorf("the secret is now %q", got)
	}
}

// Before a host has a key, equal secrets are equal and others are not, and nothing is written.
func TestSecretsBeforeTheKey(t *testing.T) {
	r := newRig(t, nil)
	j := r.mustOpen()
	ref := func(j *Journal, s string) string {
		ref, err := j.Ref(*engine.NewSecret(s))
		check(t, err)
		return ref
	}
	if again := ref(j, "one"); again != ref(j, "one") || ref(j, "one") == ref(j, "two") || !strings.HasPrefix(ref(j, "one"), keyedRef) {
		t.Errorf("references %s %s %s", ref(j, "one"), ref(j, "one"), ref(j, "two"))
	}
	if r.Changes() != 0 {
		t.Errorf("changed %v", r.Ops())
	}
	r.apply(secret("s", "one"))
	if first := ref(r.mustOpen(), "one"); first != ref(r.mustOpen(), "one") || first == ref(j, "one") {
		t.Errorf("the key is not kept, or not made anew")
	}
	if info, err := r.View().Files.Lstat(keyPath); err != nil || info.Mode != 0o600 || info.Size != keySize {
		t.Errorf("the key is %+v, %v", info, err)
	}
}

func TestOnlyRootMayLook(t *testing.T) {
	r := busy(t)
	check(t, r.next())
	for name, line := range r.Snapshot() {
		if name != Dir && !strings.HasPrefix(name, Dir+"/") {
			continue
		}
		if !strings.HasPrefix(line, "directory 0700 ") && !strings.HasPrefix(line, "file 0600 ") {
			t.Errorf("%s %s", name, line)
		}
	}
}

func TestRedact(t *testing.T) {
	j := newRig(t, nil).mustOpen()
	for _, s := range []string{"hunter2", "A=first-value\nB='second value'\n", "  \n", "hunter2-and-more", "true", "1"} {
		_, err := j.Ref(*engine.NewSecret(s))
		check(t, err)
	}
	for in, want := range map[string]string{
		"login hunter2":         "login (secret)",
		"hunter2-and-more":      "(secret)",
		"a first-value b":       "a (secret) b",
		"x second value":        "x (secret)",
		"plain text, A=1, B=''": "plain text, A=1, B=''",
		"":                      "",
		"it is true":            "it is (secret)",
		"truest=true, 1":        "truest=(secret), 1",
	} {
		if got := j.redact(in); got != want {
			t.Errorf("redact(%q) = %q, want %q", in, got, want)
		}
	}
	for text, want := range map[string]bool{
		"x hunter2 y": true, "aHVudGVyMi1hbmQtbW9yZQ==": true, "second value\n": true, "ter2-and-more\n": true,
		"more": false, "plain text": false, "": false,
	} {
		if got := j.Shows(text); got != want {
			t.Errorf("Shows(%q) = %v", text, got)
		}
	}
}

func TestDamagedKeyAndContentAreFound(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/long": {Content: long}})
	r.apply(text("long", "short"))
	names, err := r.View().Files.ReadDir(blobsDir)
	check(t, err)
	r.Put(blobsDir+"/"+names[0], hosttest.File{Content: "something else"})
	if _, err := r.mustOpen().Past(0); err == nil || !strings.Contains(err.Error(), "does not match its name") {
		t.Errorf("a damaged content: %v", err)
	}
	r.Put(keyPath, hosttest.File{Content: "short"})
	if _, err := r.open(); err == nil || !strings.Contains(err.Error(), keyPath) {
		t.Errorf("a damaged key: %v", err)
	}
}
