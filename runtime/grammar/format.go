package grammar

import (
	"slices"
	"strings"
)

// formats are the formats that are followed, as patterns: RFC 3339 with days that exist and without leap seconds,
// RFC 4122, RFC 2673's dotted quads. An email's is a part of what RFC 5321 allows, short enough for its limits.
var formats = func() map[string]string {
	year := `(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})`
	leap := `(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)`
	date := `(?:` + year + `-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|` + leap + `-02-29)`
	time := `(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`
	byte := `(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])`
	atom, label := `[A-Za-z0-9_+-]{1,20}`, `[A-Za-z](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?`
	return map[string]string{
		"date":      `^` + date + `$`,
		"time":      `^` + time + `$`,
		"date-time": `^` + date + `T` + time + `$`,
		"uuid":      `^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`,
		"ipv4":      `^(?:` + byte + `\.){3}` + byte + `$`,
		"email":     `^` + atom + `(?:\.` + atom + `){0,2}@` + label + `(?:\.` + label + `){1,4}$`,
	}
}()

// formatNames lists them.
func formatNames() string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
