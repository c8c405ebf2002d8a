package user

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Check finds why the change cannot be made.
func (r resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	db, err := accounts.Load(v, accounts.UserOrder...)
	if err != nil {
		return err
	}
	name := named(have, want)
	errs := []error{db.Check(v), db.CheckName(name, accounts.Passwd, accounts.Shadow)}
	if want == nil {
		return errors.Join(errs...)
	}
	if have != nil && have.remote {
		errs = append(errs, checkRemote(r.Diff(have, want), name))
	}
	if want.UID != nil && (!have.there() || have.uid != *want.UID) {
		errs = append(errs, checkUID(v, have, want))
	}
	errs = append(errs, checkGroups(v, db, have, want), checkLocked(db, have, want))
	if !have.there() {
		errs = append(errs, checkTraces(db, want))
	}
	return errors.Join(errs...)
}

func named(have, want *Spec) string {
	if want != nil {
		return want.Name
	}
	return have.Name
}

func checkRemote(fields []engine.FieldDiff, name string) error {
	if slices.ContainsFunc(fields, func(f engine.FieldDiff) bool { return f.Name != "groups" }) {
		return accounts.RemoteError("the user " + name)
	}
	return nil
}

// taken names the user that has the number already, "" for none.
func taken(v host.View, want *Spec) string {
	if want.UID == nil {
		return ""
	}
	if other := v.Accounts.UserName(*want.UID); other != strconv.Itoa(*want.UID) && other != want.Name {
		return other
	}
	return ""
}

func checkUID(v host.View, have, want *Spec) error {
	if other := taken(v, want); other != "" && !want.Whole {
		return fmt.Errorf("the number %d is that of the user %s: choose another, or leave uid out", *want.UID, other)
	}
	if !have.there() {
		return nil
	}
	running, err := accounts.RunsAs(v, have.uid)
	if err == nil && running != "" {
		err = fmt.Errorf("%s runs as %s: stop it before the number of the user is changed", running, want.Name)
	}
	return err
}

// checkGroups wants the groups that the user is to be in.
func checkGroups(v host.View, db *accounts.DB, have, want *Spec) error {
	var (
		errs  []error
		there []string
	)
	if have != nil {
		there = have.Groups
	}
	if !want.Whole && (!have.there() || want.says("group")) && !numeric(want.primary()) {
		errs = append(errs, accounts.NeedGroup(v, want.primary()))
	}
	for _, g := range accounts.Without(want.Groups, there) {
		errs = append(errs, db.NeedLocal(v, g))
	}
	return errors.Join(errs...)
}

// checkLocked refuses to take a lock away behind which there is no password: anyone could log in. An
// undo may, where it was so before.
func checkLocked(db *accounts.DB, have, want *Spec) error {
	if want.Locked == nil || *want.Locked || want.Said != nil || have != nil && have.Locked != nil && !*have.Locked {
		return nil
	}
	hash, err := db.Hash(want.Name)
	if err == nil && (!have.there() || !accounts.Unlockable(hash)) {
		err = fmt.Errorf("%s has no password, and plans set none: leave locked out, or set one by passwd(1) first", want.Name)
	}
	return err
}

// checkTraces refuses to give a new user the password of an old one.
func checkTraces(db *accounts.DB, want *Spec) error {
	line, err := db.Table(accounts.Shadow).Get(want.Name)
	if err == nil && len(line) > 1 && accounts.IsHash(line[1]) && !want.Whole {
		err = fmt.Errorf("%s has a password for %s, and %s has no such user: remove the line there first",
			accounts.Shadow, want.Name, accounts.Passwd)
	}
	return err
}

// Warn says what a new number leaves behind, and that a shell is not there.
func (resource) Warn(_ context.Context, v host.View, have, want *Spec) error {
	if want == nil {
		return nil
	}
	if other := taken(v, want); want.Whole && other != "" {
		// The same run may be about to take it away from there.
		return fmt.Errorf("%s comes back with the number %d, which is now that of the user %s too", want.Name, *want.UID, other)
	}
	if want.Whole {
		return nil
	}
	var errs []error
	if have.there() && want.UID != nil && have.uid != *want.UID {
		errs = append(errs, fmt.Errorf("files of %s keep the number %d: give them to the user again afterwards", want.Name, have.uid))
	}
	if have != nil && !have.there() {
		errs = append(errs, fmt.Errorf("%s is not there and is named already: %s; it will be in these groups", want.Name, strings.Join(have.Groups, ", ")))
	}
	if have.there() && want.Group != "" && have.Group != want.Group {
		errs = append(errs, fmt.Errorf("files of %s keep the group %s", want.Name, have.Group))
	}
	if want.Shell != "" && (!have.there() || have.Shell != want.Shell) {
		if _, err := v.Files.Stat(want.Shell); place.Missing(err) {
			errs = append(errs, &engine.NeedError{Claim: engine.PathClaim(want.Shell),
				Err: fmt.Errorf("the shell %s is not there: nobody can log in as %s", want.Shell, want.Name)})
		}
	}
	return errors.Join(errs...)
}
