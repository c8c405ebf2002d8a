package unitfile

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// directives has a line "Section.Name" for each setting, with the version of systemd that brought
// it where that is after 252.
//
//go:embed directives.txt
var directives string

// Directives are the settings that a unit file of one type may have.
type Directives struct {
	// Section is the type's own section, "" for a target, which has none.
	Section string
	// Names are the settings by section: of Unit, Install and the type's own.
	Names map[string][]string
}

// Known returns the settings of a type of unit, such as "service". A type without unit files, as
// scope and device are, has none.
func Known(unitType string) Directives {
	d := Directives{Section: sectionOf(unitType), Names: map[string][]string{}}
	if !HasFiles(unitType) {
		return d
	}
	for line := range strings.Lines(directives) {
		section, name, _ := strings.Cut(line, ".")
		if section == "Unit" || section == "Install" || section == d.Section {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
			d.Names[section] = append(d.Names[section], name)
		}
	}
	return d
}

// HasFiles reports whether units of a type are made by files: a device and a scope are not.
func HasFiles(unitType string) bool {
	return slices.Contains(Types(), unitType) && unitType != "device" && unitType != "scope"
}

func sectionOf(unitType string) string {
	if !HasFiles(unitType) || unitType == "target" {
		return ""
	}
	return strings.ToUpper(unitType[:1]) + unitType[1:]
}

// Since returns the version of systemd that brought a setting, where that is later than 252; 0
// for the rest and for what is not known.
func Since(section, name string) int {
	_, rest, _ := strings.Cut(directives, "\n"+section+"."+name+" ")
	digits, _, _ := strings.Cut(rest, "\n")
	since, err := strconv.Atoi(digits)
	if err != nil { // no such line: it is older, or not there
		return 0
	}
	return since
}

// listed reports whether a section has a setting, quicker than Known does.
func listed(section, name string) bool {
	line := "\n" + section + "." + name
	return strings.Contains(directives, line+"\n") || strings.Contains(directives, line+" ")
}

// Check says what is wrong with a setting's name in a unit file of a type such as "service".
// Sections and names that start with X- are everybody's own.
func Check(unitType, section, name string) error {
	if strings.HasPrefix(section, "X-") || strings.HasPrefix(name, "X-") {
		return nil
	}
	own := sectionOf(unitType)
	if !HasFiles(unitType) {
		return fmt.Errorf("there are no unit files of the type %q", unitType)
	}
	if section != "Unit" && section != "Install" && section != own || section == "" {
		return fmt.Errorf("a %s unit has no section [%s]; it has %s", unitType, section, sections(own))
	}
	if listed(section, name) {
		return nil
	}
	for _, other := range []string{"Unit", own, "Install"} {
		if listed(other, name) {
			return fmt.Errorf("%s belongs to [%s], not [%s]", name, other, section)
		}
	}
	text := fmt.Sprintf("there is no %s directive %s", section, name)
	if near := nearest(name, Known(unitType).Names[section]); near != "" {
		text += "; did you mean " + near + "?"
	}
	return fmt.Errorf("%s", text)
}

func sections(own string) string {
	if own == "" {
		return "[Unit] and [Install]"
	}
	return "[Unit], [" + own + "] and [Install]"
}

// nearest finds what was probably meant: the name that takes the fewest edits, and no more than
// half of what was written. Upper and lower case are one, but that systemd keeps them apart.
func nearest(name string, among []string) string {
	best, at := "", len(name)/2+1
	for _, n := range among {
		d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(n), nil)
		if d < at {
			best, at = n, d
		}
	}
	return best
}
