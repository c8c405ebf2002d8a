// Command native prints the best level of agent0-engine that this CPU can run.
package main

import (
	"fmt"
	"os"

	"github.com/agent0-converge/agent0-converge/runtime/level"
)

func main() {
	all := level.Supported()
	if len(all) == 0 {
		fmt.Fprintln(os.Stderr, "native: agent0-engine is built for x86-64-v2 and newer, and for arm64")
		os.Exit(1)
	}
	fmt.Println(all[0])
}
