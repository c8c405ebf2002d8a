// Package skips has tests that skip in every way.
package skips

import "testing"

func TestWhole(t *testing.T) { t.Skip("needs the moon") }

func TestPart(t *testing.T) {
	t.Run("runs", func(*testing.T) {})
	t.Run("skips", func(t *testing.T) { t.Skip("needs the sun") })
}

func TestRuns(t *testing.T) { t.Log("a line") }
