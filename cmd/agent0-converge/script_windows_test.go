package main

import (
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"
)

func condition(cond string) (bool, error) {
	return false, fmt.Errorf("unknown condition %q", cond)
}

func platformCommands() map[string]func(*testscript.TestScript, bool, []string) { return nil }
