package group

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	db, err := accounts.Load(v, accounts.GroupOrder...)
	if err != nil {
		return err
	}
	if have != nil && have.remote {
		return accounts.RemoteError("the group " + have.Name)
	}
	name := named(have, want)
	errs := []error{db.Check(v), db.CheckName(name, accounts.Group, accounts.Gshadow)}
	if want == nil {
		return errors.Join(errs...)
	}
	if want.GID != nil && (have == nil || have.GID == nil || *have.GID != *want.GID) {
		errs = append(errs, checkGID(v, have, want))
	}
	if !want.Found { // what was there before may have named users that are gone
		errs = append(errs, checkMembers(v, have, want))
	}
	return errors.Join(errs...)
}

func named(have, want *Spec) string {
	if want != nil {
		return want.Name
	}
	return have.Name
}

// taken names the group that has the number already, "" for none.
func taken(v host.View, want *Spec) string {
	if want.GID == nil {
		return ""
	}
	if other := v.Accounts.GroupName(*want.GID); other != strconv.Itoa(*want.GID) && other != want.Name {
		return other
	}
	return ""
}

func checkGID(v host.View, have, want *Spec) error {
	if other := taken(v, want); other != "" && !want.Whole {
		return fmt.Errorf("the number %d is that of the group %s: choose another, or leave gid out", *want.GID, other)
	}
	if have == nil || have.GID == nil {
		return nil
	}
	running, err := accounts.RunsIn(v, *have.GID)
	if err == nil && running != "" {
		err = fmt.Errorf("%s runs with the group %s: stop it before the number of the group is changed", running, want.Name)
	}
	return err
}

// checkMembers wants users behind the names that are added.
func checkMembers(v host.View, have, want *Spec) error {
	var there []string
	if have != nil {
		there = have.Members
	}
	var errs []error
	for _, user := range accounts.Without(want.Members, there) {
		errs = append(errs, accounts.NeedUser(v, user))
	}
	return errors.Join(errs...)
}

// Warn says what a new number leaves behind.
func (resource) Warn(_ context.Context, v host.View, have, want *Spec) error {
	if want != nil && want.Whole && taken(v, want) != "" {
		// The same run may be about to take it away from there.
		return fmt.Errorf("the group %s comes back with the number %d, which is now that of %s too", want.Name, *want.GID, taken(v, want))
	}
	if have == nil || want == nil || have.GID == nil || want.GID == nil || *have.GID == *want.GID {
		return nil
	}
	return fmt.Errorf("files of the group %s keep the number %d: give them to the group again afterwards", want.Name, *have.GID)
}

// Apply makes, changes or removes the group.
func (r resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	return accounts.Change(ctx, h, accounts.GroupOrder, func(db *accounts.DB) error {
		switch {
		case want == nil:
			return have.remove(db)
		case want.Whole:
			return want.restore(db)
		}
		if err := want.put(h.View(), db); err != nil || !want.Exact {
			return errors.Join(err, want.add(db))
		}
		for _, file := range []string{accounts.Group, accounts.Gshadow} {
			there := db.Members(file, want.Name)
			members := append(accounts.Without(there, accounts.Without(there, want.Members)), accounts.Without(want.Members, there)...)
			if err := db.SetMembers(file, want.Name, members); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Spec) add(db *accounts.DB) error {
	for _, user := range s.Members {
		if err := db.AddMember(s.Name, user); err != nil {
			return err
		}
	}
	return nil
}

// put makes the group be there with its number.
func (s *Spec) put(v host.View, db *accounts.DB) error {
	have, there := db.GID(s.Name)
	gid := have
	switch {
	case s.GID != nil:
		gid = *s.GID
	case !there:
		var err error
		if gid, err = s.free(v, db); err != nil {
			return err
		}
	}
	if there && gid != have {
		db.MoveUsers(have, gid)
	}
	return db.PutGroup(s.Name, gid)
}

// free finds a number for a new group. The group of a user gets the number that the user has or
// will get, if it is free.
func (s *Spec) free(v host.View, db *accounts.DB) (int, error) {
	prefer := -1
	if s.UserID != nil {
		prefer = *s.UserID
	} else if s.UserOf != "" {
		uid, err := db.FreeUID(v, s.System)
		if err != nil {
			return 0, err
		}
		prefer = uid
	}
	return db.FreeGID(v, s.System, prefer)
}

// remove removes the group unless it is needed.
func (s *Spec) remove(db *accounts.DB) error {
	if gid, ok := db.GID(s.Name); ok {
		if users := db.UsersOf(gid); len(users) > 0 {
			return &engine.InUseError{Detail: fmt.Sprintf("the group %s is the primary group of %s", s.Name, strings.Join(users, ", "))}
		}
		if members := db.Members(accounts.Group, s.Name); s.UserOf != "" && len(members) > 0 {
			return &engine.InUseError{Detail: fmt.Sprintf("the group %s has members: %s", s.Name, strings.Join(members, ", "))}
		}
	}
	db.Table(accounts.Gshadow).Delete(s.Name)
	db.Table(accounts.Group).Delete(s.Name)
	return nil
}

// restore puts the lines back as they were.
func (s *Spec) restore(db *accounts.DB) error {
	for file, line := range map[string]*engine.Text{"group": s.Line, "gshadow": s.Shadow} {
		t := db.Table("/etc/" + file)
		if line == nil {
			t.Delete(s.Name)
			continue
		}
		t.Restore(line.Reveal(), s.Beside[file])
	}
	return nil
}

// Undo brings back what was before, and leaves what nobody asked for.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil || before.Whole {
		return r.Apply(ctx, h, now, before)
	}
	return accounts.Change(ctx, h, accounts.GroupOrder, func(db *accounts.DB) error { return before.bring(h.View(), db) })
}

// bring makes the group as it was before, where s tells of it.
func (s *Spec) bring(v host.View, db *accounts.DB) error {
	if err := s.put(v, db); err != nil {
		return err
	}
	if s.Exact {
		return errors.Join(db.SetMembers(accounts.Group, s.Name, s.Members), db.SetMembers(accounts.Gshadow, s.Name, s.Shadowed))
	}
	for _, user := range accounts.Without(s.Asked, s.Members) {
		if err := db.RemoveMember(s.Name, user); err != nil {
			return err
		}
	}
	return s.add(db)
}
