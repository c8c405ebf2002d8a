package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "<1 ms", 999 * time.Microsecond: "<1 ms", time.Millisecond: "1 ms", 999 * time.Millisecond: "999 ms",
		time.Second: "1s", 1249 * time.Millisecond: "1.2s", 61 * time.Second: "1m1s",
	} {
		if got := took(d); got != want {
			t.Errorf("%d ns: %q, not %q", d, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"plain":            "plain",
		"größe → 大":        "größe → 大",
		"a\tb":             "a\tb",
		"\x1b]0;x\x07":     "␛]0;x␇",
		"a\rb\x7f\n":       "a␍b␡\n",
		"bad \xff":         "bad �",
		"\u202egnp.exe":    "�gnp.exe",
		"\u009b31m":        "�31m",
		"line \u2028 line": "line � line",
	} {
		if got := visible(s); got != want {
			t.Errorf("%q: %q, not %q", s, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	long := strings.Repeat("ä", 101)
	for s, want := range map[string]string{
		"":         "",
		"a\nb\n":   "a⏎b⏎",
		long[:200]: long[:200],
		long:       long[:198] + "…",
	} {
		if got := oneLine(s); got != want {
			t.Errorf("%q: %q, not %q", s, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	got := commandLine([]string{"/usr/bin/agent0-converge", "apply", "--var", "who=you & me", "--root", "/mnt/größe", "it's", "", "$x.hcl"})
	if want := `agent0-converge apply --var 'who=you & me' --root /mnt/größe 'it'\''s' '' '$x.hcl'`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"apply", "plan", "fmt", "history"}
	for name, want := range map[string]string{
		"aply": `; did you mean "apply"?`, "plann": `; did you mean "plan"?`, "histroy": `; did you mean "history"?`,
		"foo": "", "frobnicate": "", "x": "",
	} {
		if got := didYouMean(name, names); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}

func TestAboutHost(t *testing.T) {
	f := host.Facts{OS: "linux", Hostname: "falcon", Init: "systemd", SELinux: "enforcing", Firewall: "nftables", Memory: 16<<30 - 1,
		Distro: host.Distro{ID: "debian", Version: "12"}, GPUs: []host.GPU{{Vendor: "nvidia", Name: "RTX 4090"}}}
	if got, want := strings.Join(aboutHost(f, ""), " · "), "falcon · Debian 12 · systemd · SELinux enforcing · firewall nftables · 16 GiB · nvidia RTX 4090"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	f = host.Facts{OS: "linux", Hostname: "the builder", SELinux: "disabled", Firewall: "none", Unknown: []string{"hostname", "memory", "gpus"}}
	if got, want := strings.Join(aboutHost(f, "/mnt"), " · "), "root /mnt · linux"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestDiff: a large change is cut, a colour is given only where it is wanted.
func TestDiff(t *testing.T) {
	var out bytes.Buffer
	x := text{w: &out}
	x.diff("same\nold\n", "same\nnew\n")
	if want := "        @@ -1,2 +1,2 @@\n         same\n        -old\n        +new\n"; out.String() != want {
		t.Errorf("%q, not %q", out.String(), want)
	}
	out.Reset()
	x.diff("", strings.Repeat("line\n", 1000))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if last := lines[len(lines)-1]; len(lines) != maxDiffLines+1 || last != "        … 961 more lines" {
		t.Errorf("%d lines, the last is %q", len(lines), last)
	}
	out.Reset()
	x.style = style{on: true}
	x.diff("old\n", "new\n")
	if want := "        \x1b[2m@@ -1 +1 @@\x1b[0m\n        \x1b[31m-old\x1b[0m\n        \x1b[32m+new\x1b[0m\n"; out.String() != want {
		t.Errorf("%q, not %q", out.String(), want)
	}
}

// TestEndedNamesEverythingThatDidNotArrive checks the account of a run that was stopped.
func TestEndedNamesEverythingThatDidNotArrive(t *testing.T) {
	change := func(addr engine.Addr, irreversible string) *engine.Change {
		return &engine.Change{Addr: addr, Irreversible: irreversible}
	}
	report := &engine.Report{Stopped: &engine.RecordError{Err: errors.New("disk full")}, Results: []engine.Result{
		{Change: change("file.done", "it was two"), Status: engine.Done},
		{Change: change("file.failed", ""), Status: engine.Failed},
		{Change: change("file.skipped", ""), Status: engine.Skipped, Because: "file.failed"},
		{Change: change("file.untouched", ""), Status: engine.Untouched},
		{Change: change("file.deferred", ""), Status: engine.Deferred},
		{Change: change("file.kept", ""), Status: engine.Kept},
		{Change: change("file.same", ""), Status: engine.Same},
	}}
	var out bytes.Buffer
	text{w: &out}.ended(report, 7, "agent0-converge apply x.hcl")
	want := `  · file.skipped                     skipped   file.failed did not arrive
  · file.untouched                   untouched
  > file.deferred                    deferred to first boot: it needs the running system

1 done, 1 kept, 1 failed, 1 skipped, 1 untouched, 1 deferred, 1 same. This was run 7; of it, file.done cannot be taken back.
Stopped: cannot write the journal: disk full.
To go on: agent0-converge apply x.hcl
`
	if out.String() != want {
		t.Errorf("%s, not %s", out.String(), want)
	}
}
