package accounts

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
)

// valid are names that no part of a system misreads: systemd's strict rule, which is that of
// shadow's tools with capitals.
var valid = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,30}$`)

// ValidName returns why a plan may not call an account so, or nil.
func ValidName(attribute, name string) error {
	if valid.MatchString(name) {
		return nil
	}
	return &engine.AttributeError{Name: attribute, Err: fmt.Errorf(
		"%q is no name of an account: it begins with a letter or underscore, goes on with letters, digits, underscores and hyphens, "+
			"and is at most 31 long", name)}
}

// maxID is the highest number of an account. The one above it, and 65535 of old 16-bit calls, stand
// for "no such".
const maxID = 1<<32 - 2

// ValidID returns why no account may have the number, or nil.
func ValidID(attribute string, id *int) error {
	if id == nil || *id >= 0 && *id <= maxID && *id != 1<<16-1 {
		return nil
	}
	return &engine.AttributeError{Name: attribute, Err: fmt.Errorf("%d is no number of an account", *id)}
}

// ValidText returns why a field of a line cannot say s, or nil.
func ValidText(attribute, s string) error {
	if strings.Contains(s, ":") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return &engine.AttributeError{Name: attribute, Err: errors.New("colons and control characters cannot be written into " + Passwd)}
	}
	return nil
}

// ValidPath is ValidText for a path.
func ValidPath(attribute, p string) error {
	if p == "" {
		return nil
	}
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		return &engine.AttributeError{Name: attribute, Err: fmt.Errorf("%q is not an absolute path without detours", p)}
	}
	return ValidText(attribute, p)
}

// MemberClaim is the claim on a user's being a member of a group, which the user's block or the
// group's may say, and not both.
func MemberClaim(group, user string) engine.Claim {
	return engine.Claim("member:" + group + ":" + user)
}

// MemberOf takes a MemberClaim apart.
func MemberOf(c engine.Claim) (group, user string, ok bool) {
	rest, ok := strings.CutPrefix(string(c), "member:")
	group, user, cut := strings.Cut(rest, ":")
	return group, user, ok && cut
}
