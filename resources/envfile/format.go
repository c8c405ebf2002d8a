package envfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// header is the first line of every file that is written.
const header = "# Written by agent0-converge: the plan decides what is here.\n"

// format writes values so that systemd and a shell read back exactly them: sorted, and in double
// quotes where something in a value has a meaning to either.
func format(values map[string]engine.Text) string {
	var out strings.Builder
	out.WriteString(header)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out.WriteString(key + "=" + quote(values[key].Reveal()) + "\n")
	}
	return out.String()
}

// safe are the characters that need no quotes anywhere in a value.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-="

func quote(s string) string {
	if strings.Trim(s, safe) == "" {
		return s
	}
	return `"` + escaper().Replace(s) + `"`
}

func escaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")
}
