package main

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
)

// forbidWriting takes from this process, for good, the right to write to any file system, where
// the kernel has Landlock. What it may still write are files that are open already.
func forbidWriting() error {
	if err := landlock.V1.BestEffort().RestrictPaths(landlock.RODirs("/")); err != nil {
		return fmt.Errorf("cannot give up writing: %w", err)
	}
	return nil
}
