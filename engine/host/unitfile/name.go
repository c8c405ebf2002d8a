package unitfile

import (
	"fmt"
	"slices"
	"strings"
)

// maxName is the longest unit name in bytes: systemd's UNIT_NAME_MAX, 256, counts the final NUL.
const maxName = 255

// Types are the types of unit that systemd knows; a name ends with a dot and one of them.
// Devices and scopes have no unit files.
func Types() []string {
	return []string{"service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"}
}

// mayAlias and mayTemplate are the types that can have other names, and instances.
func mayAlias(unitType string) bool {
	return slices.Contains([]string{"service", "socket", "target", "device", "timer", "path"}, unitType)
}

func mayTemplate(unitType string) bool { return unitType != "device" && mayAlias(unitType) }

// ValidName says what is wrong with a unit's name, template or instance.
func ValidName(name string) error {
	dot := strings.LastIndexByte(name, '.')
	switch {
	case name == "":
		return fmt.Errorf("a unit has no name")
	case len(name) > maxName:
		return fmt.Errorf("the unit name %s… has %d characters; at most %d are allowed", name[:40], len(name), maxName)
	case dot <= 0 || !slices.Contains(Types(), name[dot+1:]):
		return fmt.Errorf("the unit name %s must end with its type, such as %s.service", name, strings.TrimRight(name, "."))
	case name[0] == '@':
		return fmt.Errorf("the unit name %s has nothing before the @", name)
	}
	for _, c := range name[:dot] {
		if !nameChar(c) && c != '@' {
			return fmt.Errorf("the unit name %s has the character %q; allowed are letters, digits and :-_.\\@ (others are written as systemd-escape does)", name, c)
		}
	}
	return nil
}

func nameChar(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c < 0x80 && c > 0 && strings.ContainsRune(`:-_.\`, c)
}

func valid(name string) bool { return ValidName(name) == nil }

func validInstance(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !nameChar(c) && c != '@' })
}

// Type is the type of the unit that has this valid name: "service".
func Type(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// parts takes a valid name apart: "a@b.service" is a, b, ".service" and true; of a name without @
// the instance is empty and the last part false.
func parts(name string) (prefix, instance, suffix string, at bool) {
	dot := strings.LastIndexByte(name, '.')
	prefix, instance, at = strings.Cut(name[:dot], "@")
	return prefix, instance, name[dot:], at
}

// IsTemplate reports whether name is that of a template: "a@.service".
func IsTemplate(name string) bool {
	if !valid(name) {
		return false
	}
	_, instance, _, at := parts(name)
	return at && instance == ""
}

// IsInstance reports whether name is that of a template's instance: "a@b.service".
func IsInstance(name string) bool {
	if !valid(name) {
		return false
	}
	_, instance, _, _ := parts(name)
	return instance != ""
}

// Template is the name of the template that an instance is made from: "a@.service".
func Template(name string) string {
	prefix, _, suffix, _ := parts(name)
	return prefix + "@" + suffix
}

// instantiate puts an instance into a template's name, or in place of the one that it has.
func instantiate(name, instance string) (string, bool) {
	if !valid(name) || !validInstance(instance) {
		return "", false
	}
	prefix, _, suffix, at := parts(name)
	out := prefix + "@" + instance + suffix
	return out, at && valid(out)
}

// Escape writes a path as a part of a unit name, as systemd-escape --path does: "/dev/sda-1" is
// "dev-sda\x2d1". A relative path, and one with .. in it, is an error.
func Escape(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("cannot write the path %q as a unit name: it must start with /", path)
	}
	var kept []string
	for _, part := range strings.Split(path, "/") {
		switch part {
		case "", ".": // systemd drops them before it looks
		case "..":
			return "", fmt.Errorf("cannot write the path %s as a unit name: it has .. in it", path)
		default:
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return "-", nil
	}
	return escape(strings.Join(kept, "/")), nil
}

func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '-' || c == '\\' || c == '.' && i == 0 || !nameChar(rune(c)):
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
