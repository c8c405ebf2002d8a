// Package inside has tests that end in every way, to be run in a machine.
package inside

import (
	"os"
	"strings"
	"testing"
)

func TestPass(t *testing.T) {
	if b, err := os.ReadFile("testdata/file"); string(b) != "inside\n" {
		t.Errorf("testdata: %q, %v", b, err)
	}
	if b, err := os.ReadFile("/proc/1/comm"); string(b) != "systemd\n" || os.Getuid() != 0 || os.Getenv("AGENT0_IN_LAB") != "1" {
		t.Errorf("PID 1 %q, %v, user %d, environment %q", b, err, os.Getuid(), os.Environ())
	}
	t.Run("sub", func(t *testing.T) { t.Log("a subtest") })
}

func TestSkip(t *testing.T) { t.Skip("needs the moon") }

func TestFail(t *testing.T) {
	t.Run("sub", func(t *testing.T) { t.Error(strings.Repeat("very ", 3) + "wrong") })
}

func TestExit(*testing.T) { os.Exit(3) }
