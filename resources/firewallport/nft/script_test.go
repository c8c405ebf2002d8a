package nft

import (
	"strings"
	"testing"
)

// FuzzScript reads any text as a script. What is understood of it is written in one form, which is read back whole.
func FuzzScript(f *testing.F) {
	f.Add(header + ruleMark + `{"protocol":"tcp","ports":"80,90-91","sources":["10.0.0.0/8","::/0"],"interfaces":["eth0"],"rate":"1/day","comment":"x"}` + "\n")
	f.Add(ruleMark + `{"protocol":"udp","ports":"0-65535","family":"ipv6"}`)
	f.Add(ruleMark + "{}\n" + ruleMark + "\n#\n")
	f.Fuzz(func(t *testing.T, s string) {
		entries, _ := parseScript(s)
		if len(entries) > 50 {
			return
		}
		once := script(entries)
		again, err := parseScript(once)
		if err != nil || len(again) != len(entries) {
			t.Fatalf("of %d rules %d come back, %v\n%s", len(entries), len(again), err, once)
		}
		if twice := script(again); twice != once {
			t.Fatalf("written\n%s\nand again\n%s", once, twice)
		}
		for line := range strings.Lines(once) {
			if strings.Count(line, `"`)%2 != 0 && !strings.HasPrefix(line, ruleMark) {
				t.Fatalf("a quote is open: %s", line)
			}
		}
	})
}
