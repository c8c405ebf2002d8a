// Command parse reads a plan with the HCL library and does nothing with it: the least that a plan
// costs anyone who reads it whole, in one thread.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	src, err := os.ReadFile(os.Args[1])
	if err == nil {
		if _, diags := hclsyntax.ParseConfig(src, os.Args[1], hcl.InitialPos); diags.HasErrors() {
			err = diags
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
