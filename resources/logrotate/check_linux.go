package logrotate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Check finds why the change cannot be made, or what logrotate would make of it.
func (rule) Check(_ context.Context, v host.View, have, want *Spec) error {
	if want == nil {
		return place.Check(v, have.path(), place.Remove, &have.info, place.Attributes{})
	}
	intent := place.Make
	switch {
	case have == nil:
	case have.bytes() == want.bytes():
		intent = place.Dress
	default:
		intent = place.Replace
		if have.info.Links > 1 {
			return fmt.Errorf("%s has %d names (hard links), and a new rule would be under this one alone: remove the others", want.path(), have.info.Links)
		}
	}
	errs := []error{place.Check(v, want.path(), intent, have.found(), owners())}
	if want.Raw == nil { // what an undo brings back was there before, good or not
		errs = append(errs, want.checkAccounts(v), want.checkFolders(v), want.checkOldDir(v), want.checkOthers(v))
	}
	return errors.Join(errs...)
}

// checkAccounts refuses accounts that logrotate would not find. It looks a number up too.
func (s *Spec) checkAccounts(v host.View) error {
	var errs []error
	for _, a := range s.accounts() {
		attr, err := a.Attr(v, nil, 0)
		errs = append(errs, err)
		if err != nil {
			continue
		}
		if a.Owner == strconv.Itoa(attr.UID) && v.Accounts.UserName(attr.UID) == a.Owner {
			errs = append(errs, fmt.Errorf("the host has no user with the number %s, which logrotate asks for", a.Owner))
		}
		if a.Group == strconv.Itoa(attr.GID) && v.Accounts.GroupName(attr.GID) == a.Group {
			errs = append(errs, fmt.Errorf("the host has no group with the number %s, which logrotate asks for", a.Group))
		}
	}
	return errors.Join(errs...)
}

// checkFolders refuses a folder in which logrotate rotates nothing as root.
func (s *Spec) checkFolders(v host.View) error {
	if s.Su != "" {
		return nil
	}
	var errs []error
	seen := map[string]bool{}
	for _, p := range s.Paths {
		dirs, err := expand(v, folder(p))
		if err != nil {
			return fmt.Errorf("cannot look for the folders of %s: %w", p, err)
		}
		for _, d := range dirs {
			if !seen[d] {
				seen[d] = true
				errs = append(errs, checkFolder(v, d))
			}
		}
	}
	return errors.Join(errs...)
}

// checkFolder asks as logrotate does (findNeedRotating of logrotate.c): is the folder writable by
// others, or by a group that is not root's?
func checkFolder(v host.View, d string) error {
	info, err := v.Files.Stat(d)
	if place.Missing(err) {
		return nil
	}
	if err != nil {
		return place.Unreadable(err)
	}
	user, group := v.Accounts.UserName(info.UID), v.Accounts.GroupName(info.GID)
	who, su := "by everyone", fmt.Sprintf("to a user and a group, %q if it is theirs", user+" "+group)
	switch {
	case info.Mode&0o002 != 0 && info.UID == 0:
		su = "to a user and a group that may write there"
	case info.Mode&0o002 != 0:
	case info.Mode&0o020 != 0 && info.GID != 0:
		who, su = "by the group "+group, fmt.Sprintf("= %q", user+" "+group)
	default:
		return nil
	}
	return &engine.NeedError{Claim: place.Claim(d), Err: fmt.Errorf(
		"%s may be written to %s (mode %04o), and in such a folder logrotate rotates nothing as root: set su %s, or close the folder",
		d, who, info.Mode, su)}
}

// checkOldDir refuses a folder for rotated logs that is not there or is on another file system.
func (s *Spec) checkOldDir(v host.View) error {
	if s.OldDir == "" {
		return nil
	}
	var errs []error
	for _, p := range s.Paths {
		dirs, err := expand(v, folder(p))
		if err != nil {
			return fmt.Errorf("cannot look for the folders of %s: %w", p, err)
		}
		for _, d := range dirs {
			errs = append(errs, s.checkOldDirOf(v, d))
		}
	}
	return errors.Join(errs...)
}

func (s *Spec) checkOldDirOf(v host.View, d string) error {
	old := s.OldDir
	if !path.IsAbs(old) {
		old = path.Join(d, old)
	}
	info, err := v.Files.Stat(old)
	if place.Missing(err) || err == nil && info.Kind != host.Dir {
		return &engine.NeedError{Claim: place.Claim(old), Err: fmt.Errorf(
			"there is no folder %s, without which logrotate refuses the rule: declare it with a directory block", old)}
	}
	if err != nil {
		return place.Unreadable(err)
	}
	logs, err := v.Files.Stat(d)
	if err != nil {
		return place.Unreadable(err)
	}
	if logs.Dev != info.Dev && (s.CopyTruncate == nil || !*s.CopyTruncate) {
		return fmt.Errorf("%s is on another file system than %s, where no log can be moved to: choose another olddir, or set copytruncate = true", old, d)
	}
	return nil
}

// checkOthers refuses a log that another rule has, and a name that this host's logrotate skips.
func (s *Spec) checkOthers(v host.View) error {
	c, err := survey(v)
	if err != nil {
		return fmt.Errorf("cannot tell which logs other rules have: %w", err)
	}
	var errs []error
	if t := c.skips(s.Name); t != nil && t.file != "" {
		errs = append(errs, fmt.Errorf("%s:%d tells logrotate to skip files named like %s, and so %s: choose another name", t.file, t.line, t.pattern, s.path()))
	}
	for i, p := range s.Paths {
		for _, other := range s.Paths[:i] {
			log, err := overlap(v, p, other)
			if err != nil {
				return err
			}
			if log != "" {
				errs = append(errs, fmt.Errorf("%s and %s are both patterns of %s, which logrotate takes for an error: narrow one", other, p, log))
			}
		}
		for _, r := range c.rules {
			if r.file != s.path() {
				errs = append(errs, r.checkOverlap(v, p))
			}
		}
	}
	return errors.Join(errs...)
}

func (r found) checkOverlap(v host.View, p string) error {
	for _, other := range r.paths {
		log, err := overlap(v, p, other)
		if err != nil {
			return err
		}
		if log != "" {
			return &engine.ConflictError{Claim: place.Claim(r.file), Err: fmt.Errorf(
				"%s:%d has a rule for %s already, and of two rules for a log logrotate refuses the later: leave it to one of them", r.file, r.line, log)}
		}
	}
	return nil
}

// overlap returns a log that two patterns both stand for, "" for none: as they are written, and as
// they are on the host.
func overlap(v host.View, a, b string) (string, error) {
	switch {
	case covers(a, b):
		return b, nil
	case covers(b, a):
		return a, nil
	case !isPattern(a) || !isPattern(b) || strings.Count(a, "/") != strings.Count(b, "/"):
		return "", nil
	}
	logs, err := expand(v, a)
	if err != nil {
		return "", fmt.Errorf("cannot look for the logs of %s: %w", a, err)
	}
	for _, log := range logs {
		if covers(b, log) {
			return log, nil
		}
	}
	return "", nil
}
