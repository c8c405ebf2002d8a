package launch

import (
	"fmt"
	"syscall"
)

func become(path string, argv, env []string) error {
	return fmt.Errorf("cannot run %s: install it again: %w", path, syscall.Exec(path, argv, env))
}
