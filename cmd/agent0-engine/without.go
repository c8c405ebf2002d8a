//go:build !llama

package main

import (
	"fmt"
	"os"
)

// Without its build tag this program is only what go build ./... and go vet ./... can do everywhere.
func main() {
	fmt.Fprintln(os.Stderr, "agent0-engine: this build has no llama.cpp in it: build it with cmd/agent0-engine/build.sh")
	os.Exit(1)
}
