package launch

import "github.com/agent0-converge/agent0-converge/runtime/door"

// opened leaves the socket to the engine, which gives up no files here.
func opened(at door.At) (door.At, error) { return at, nil }
