package plans

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns src with its white space as plans have it. Nothing but white space changes. A file
// that does not parse comes back untouched with the reasons, and JSON is left as it is.
func Format(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	if strings.HasSuffix(filename, ".json") {
		return src, nil
	}
	if _, diags := parseText(src, filename, hcl.InitialPos); diags.HasErrors() {
		return src, diags
	}
	// Aligning one line can move what the next is aligned with, so one pass may not be the last.
	out := hclwrite.Format(src)
	for range 4 {
		again := hclwrite.Format(out)
		if bytes.Equal(again, out) {
			break
		}
		out = again
	}
	return out, nil
}
