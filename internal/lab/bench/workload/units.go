package workload

import (
	"fmt"
	"strings"
)

// UnitName is the name of the i-th unit.
func UnitName(i int) string { return fmt.Sprintf("bench-%03d.service", i) }

// UnitFile is the file of the i-th unit.
func UnitFile(i int) []byte {
	return fmt.Appendf(nil, `[Unit]
Description=Unit %03d of the benchmark

[Service]
ExecStart=/bin/sleep infinity
Nice=5

[Install]
WantedBy=multi-user.target
`, i)
}

// Enabled says whether the i-th unit starts at boot: every second does.
func Enabled(i int) bool { return i%2 == 0 }

// Running says whether the i-th unit runs: 20 of 500 do.
func Running(i int) bool { return i%25 == 0 }

// UnitPlan says n units, their files, their enablement and their state, as a plan of ours.
func UnitPlan(n int) string {
	var b strings.Builder
	b.WriteString("plan {\n  name = \"units\"\n}\n\n")
	for i := range n {
		state := "stopped"
		if Running(i) {
			state = "running"
		}
		fmt.Fprintf(&b, "unit \"b%03d\" {\n  name    = %q\n  content = %q\n  enabled = %t\n  state   = %q\n}\n\n",
			i, UnitName(i), UnitFile(i), Enabled(i), state)
	}
	return b.String()
}
