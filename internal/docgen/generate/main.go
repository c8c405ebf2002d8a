// Command generate writes the reference, or checks that it is up to date.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/agent0-converge/agent0-converge/internal/docgen"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail if something is not up to date")
	flag.Parse()
	if err := docgen.Write(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
