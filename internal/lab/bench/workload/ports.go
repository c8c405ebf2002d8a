package workload

import (
	"fmt"
	"strings"
)

// PortPlan says n ports, a block for each, all open to the same sources. Where turn is odd, every hundredth has another
// comment, and at least one has.
func PortPlan(n, turn int) string {
	var b strings.Builder
	b.WriteString("plan {\n  name = \"ports\"\n}\n\n")
	for i := range n {
		comment := "of the benchmark"
		if i%100 == 0 && turn%2 == 1 {
			comment = "changed"
		}
		fmt.Fprintf(&b, "firewall_port \"b%04d\" {\n  port    = %d\n  sources = [\"10.0.0.0/8\", \"fd00::/8\"]\n  comment = %q\n}\n\n", i, 20000+2*i, comment)
	}
	return b.String()
}

// SourcePlan says one port that is open to n sources.
func SourcePlan(n int) string {
	var b strings.Builder
	b.WriteString("plan {\n  name = \"ports\"\n}\n\nfirewall_port \"b\" {\n  port    = 20000\n  sources = [\n")
	for i := range n {
		fmt.Fprintf(&b, "    \"10.%d.%d.%d\",\n", i>>14&255, i>>6&255, i<<2&255|1)
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}
