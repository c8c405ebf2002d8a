package place

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Attributes are who owns a path and who may use it, as a plan writes them. What is empty is
// not said.
type Attributes struct{ Owner, Group, Mode string }

// Mode brings an octal mode to four digits; what is none stays as it is, for Validate to refuse.
func Mode(s string) string {
	if n, err := strconv.ParseUint(s, 8, 32); err == nil && n <= 0o7777 {
		return fmt.Sprintf("%04o", n)
	}
	return s
}

// Validate returns the mistakes in a.
func (a Attributes) Validate() error {
	var errs []error
	for _, said := range []struct {
		name, value string
		valid       func(string) error
	}{
		{"owner", a.Owner, validName}, {"group", a.Group, validName}, {"mode", a.Mode, validMode},
	} {
		if said.value == "" {
			continue
		}
		if err := errors.Join(said.valid(said.value), platform(said.name)); err != nil {
			errs = append(errs, &engine.AttributeError{Name: said.name, Err: err})
		}
	}
	return errors.Join(errs...)
}

func validMode(s string) error {
	if n, err := strconv.ParseUint(s, 8, 32); err != nil || n > 0o7777 {
		return fmt.Errorf("%q is no octal mode: write it like \"0644\"", s)
	}
	return nil
}

// maxID is the highest number of a user or group: the one above it means "unchanged".
const maxID = 1<<32 - 2

func validName(s string) error {
	if numeric(s) {
		if n, err := strconv.ParseUint(s, 10, 64); err != nil || n > maxID {
			return fmt.Errorf("%s is no number of an account: %d is the highest", s, maxID)
		}
		return nil
	}
	if strings.HasPrefix(s, "-") || strings.ContainsAny(s, ":,/ ") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("%q is no name of an account", s)
	}
	return nil
}

func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }
