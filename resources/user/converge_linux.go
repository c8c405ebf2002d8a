package user

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Apply makes, changes or removes the user.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	if want == nil || want.Whole && want.Line == nil {
		if err := have.idle(h.View()); err != nil {
			return err
		}
	}
	return accounts.Change(ctx, h, accounts.UserOrder, func(db *accounts.DB) error {
		switch {
		case want == nil:
			return have.remove(db)
		case want.Whole:
			return want.restore(db)
		}
		if err := want.put(h.View(), db, have); err != nil {
			return err
		}
		if want.Exact {
			for _, g := range accounts.Without(db.Groups(want.Name), want.Groups) {
				if err := db.RemoveMember(g, want.Name); err != nil {
					return err
				}
			}
		}
		return want.join(db)
	})
}

// idle refuses to remove a user as whom something runs: its number would be the next user's.
func (s *Spec) idle(v host.View) error {
	if !s.there() {
		return nil
	}
	running, err := accounts.RunsAs(v, s.uid)
	if err == nil && running != "" {
		err = &engine.InUseError{Detail: fmt.Sprintf("%s runs as %s", running, s.Name)}
	}
	return err
}

func (s *Spec) remove(db *accounts.DB) error {
	db.Table(accounts.Shadow).Delete(s.Name)
	db.Table(accounts.Passwd).Delete(s.Name)
	return db.RemoveEverywhere(s.Name, nil)
}

// restore puts the lines and memberships back as they were.
func (s *Spec) restore(db *accounts.DB) error {
	for file, line := range map[string]*engine.Text{"passwd": s.Line, "shadow": s.Shadow} {
		t := db.Table("/etc/" + file)
		if line == nil {
			t.Delete(s.Name)
			continue
		}
		t.Restore(line.Reveal(), s.Beside[file])
	}
	return errors.Join(db.RemoveEverywhere(s.Name, s.Beside), db.PutBack(s.Name, s.Beside, nil))
}

// join makes the user a member of its groups.
func (s *Spec) join(db *accounts.DB) error {
	for _, g := range s.Groups {
		if err := db.AddMember(g, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// put makes the user's line say what s says.
func (s *Spec) put(v host.View, db *accounts.DB, have *Spec) error {
	if have != nil && have.remote {
		return nil
	}
	u, err := db.User(s.Name)
	if err == nil && u == nil {
		u, err = s.fresh(v, db)
	}
	if err != nil {
		return err
	}
	return s.dress(v, db, u)
}

// dress makes the line of u, and its hashed password, say what s says.
func (s *Spec) dress(v host.View, db *accounts.DB, u *accounts.User) (err error) {
	if s.says("uid") {
		u.UID = *s.UID
	}
	if s.says("group") && s.GID != nil {
		u.GID = *s.GID
	} else if s.says("group") {
		if u.GID, err = gidOf(v, db, s.Group); err != nil {
			return err
		}
	}
	if s.says("home") {
		u.Home = s.Home
	}
	if s.says("shell") {
		u.Shell = s.Shell
	}
	if s.says("comment") {
		u.Comment = s.Comment
	}
	if err := db.PutUser(v, *u, s.System); err != nil || !s.says("locked") {
		return err
	}
	return db.Lock(s.Name, *s.Locked)
}

// fresh is a new user as far as s leaves it open.
func (s *Spec) fresh(v host.View, db *accounts.DB) (*accounts.User, error) {
	u := &accounts.User{Name: s.Name, UID: -1}
	var errs [2]error
	if s.UID == nil {
		u.UID, errs[0] = db.FreeUID(v, s.System)
	}
	u.GID, errs[1] = gidOf(v, db, s.primary())
	if s.System {
		u.Home, u.Shell = "/nonexistent", nologin(v)
		return u, errors.Join(errs[:]...)
	}
	said := newUsers(v)
	u.Home, u.Shell = path.Join(said["HOME"], s.Name), said["SHELL"]
	return u, errors.Join(errs[:]...)
}

// nologin is the shell of this root that lets nobody in.
func nologin(v host.View) string {
	for _, name := range []string{"/usr/sbin/nologin", "/sbin/nologin"} {
		if _, err := v.Files.Stat(name); err == nil {
			return name
		}
	}
	return "/bin/false"
}

// newUsers are what useradd(8) gives to new users, from its file.
func newUsers(v host.View) map[string]string {
	said := map[string]string{"HOME": "/home", "SHELL": "/bin/sh"}
	b, err := v.Files.ReadFile("/etc/default/useradd")
	if err != nil {
		return said // every one has a default
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(value, "/") {
			said[key] = value
		}
	}
	return said
}

// Undo brings back what was before, and leaves what nobody asked for.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil || before.Whole {
		return r.Apply(ctx, h, now, before)
	}
	return accounts.Change(ctx, h, accounts.UserOrder, func(db *accounts.DB) error {
		if err := before.put(h.View(), db, now); err != nil {
			return err
		}
		counts := before.Asked
		if before.Exact {
			counts = db.Groups(before.Name)
		}
		for _, g := range accounts.Without(counts, before.Groups) {
			if err := db.RemoveMember(g, before.Name); err != nil {
				return err
			}
		}
		in := func(g string) bool { return slices.Contains(before.Groups, g) }
		return errors.Join(db.PutBack(before.Name, before.Beside, in), before.join(db))
	})
}
