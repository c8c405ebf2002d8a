package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waiting is a plan whose first file is checked by a program that waits for somebody.
const waiting = `
plan { name = "waiting" }
file "first" {
  path     = "/etc/first"
  content  = "first"
  validate = ["sh", "-c", "read answer < /work/pipe", "%%s"]
}
file "then" {
  count      = %d
  path       = "/etc/then-${count.index}"
  content    = "then"
  depends_on = [file.first]
}
`

// TestSignalWaitsForTheProgramAtHand: what was begun is finished, the program that checks it included.
func TestSignalWaitsForTheProgramAtHand(t *testing.T) {
	c := newCage(t)
	c.write(t, "work/waiting.hcl", fmt.Sprintf(waiting, many))
	pipe := filepath.Join(c.dir, "work/pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := c.command("apply", "waiting.hcl")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answer *os.File
	waitUntil(t, func() (reads bool) {
		f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		answer = f
		return err == nil
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := answer.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	if err := answer.Close(); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 143 {
		t.Errorf("%v, exit status %d, not 143\n%s", err, got, out.String())
	}
	if b, err := os.ReadFile(filepath.Join(c.dir, "machine/etc/first")); err != nil || string(b) != "first" {
		t.Errorf("what was begun was not finished: %q %v\n%s", b, err, out.String())
	}
	if _, err := os.Stat(filepath.Join(c.dir, fmt.Sprintf("machine/etc/then-%d", many-1))); !os.IsNotExist(err) {
		t.Errorf("the run went on to its end: %v", err)
	}
}

// opened reports whether a process has a file open whose name ends so.
func opened(pid int, suffix string) bool {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// waitUntil looks again and again, since nothing tells when cond comes true.
func waitUntil(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(time.Millisecond); !cond(); {
		select {
		case <-ctx.Done():
			t.Fatal("it does not come true")
		case <-tick.C:
		}
	}
}
