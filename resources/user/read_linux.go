package user

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

type resource struct{}

// Kind returns the kind user.
func Kind() *engine.Kind { return engine.NewKind("user", resource{}) }

// Read reports the user as far as spec says anything of it. Of one that is not there, but is named in
// groups or shadow, that is reported: a new user of the name would be in those groups.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	db, err := load(v, spec)
	if err != nil {
		return nil, err
	}
	u, err := db.User(spec.Name)
	remote := false
	if u == nil && err == nil {
		u, err = accounts.Remote(ctx, v, spec.Name)
		remote = u != nil
	}
	switch {
	case err != nil:
		return nil, err
	case spec.whole() && remote:
		return nil, &engine.OccupiedError{Detail: accounts.RemoteError("the user " + spec.Name).Error()}
	case spec.whole() || u == nil:
		return readWhole(db, u, spec), nil
	}
	have, err := found(v, db, u, spec)
	if have != nil {
		have.remote = remote
	}
	return have, err
}

// load reads the files that tell what spec asks for.
func load(v host.View, spec *Spec) (*accounts.DB, error) {
	files := []string{accounts.Passwd, accounts.Group}
	db, err := accounts.Load(v, files...)
	if err != nil {
		return nil, err
	}
	all := spec.whole() || db.Table(accounts.Passwd).Line(spec.Name) == ""
	if all || spec.says("locked") {
		files = append(files, accounts.Shadow)
	}
	if all || spec.Exact {
		files = append(files, accounts.Gshadow)
	}
	return accounts.Load(v, files...)
}

// found is what is there of what spec says.
func found(v host.View, db *accounts.DB, u *accounts.User, spec *Spec) (*Spec, error) {
	have := &Spec{Name: spec.Name, Exact: spec.Exact, Said: spec.said(), uid: u.UID, within: db.NameOfGroup(u.GID)}
	if have.Said == nil {
		have.Said = []string{}
	}
	have.observe(v, db, u, spec)
	if spec.says("locked") {
		hash, err := db.Hash(spec.Name)
		if err != nil {
			return nil, err
		}
		locked := accounts.Locked(hash)
		have.Locked = &locked
	}
	all := db.Groups(spec.Name)
	if spec.Exact {
		slices.Sort(all)
		have.Groups, have.Beside = all, db.Places(spec.Name, nil)
		return have, nil
	}
	have.Asked = spec.asked()
	for _, g := range have.Asked {
		if slices.Contains(all, g) {
			have.Groups = append(have.Groups, g)
		}
	}
	return have, nil
}

// observe takes from the line what spec says.
func (s *Spec) observe(v host.View, db *accounts.DB, u *accounts.User, spec *Spec) {
	if spec.says("uid") {
		s.UID = &u.UID
	}
	if spec.says("group") {
		s.Group, s.GID = primaryOf(v, db, u.GID, spec.Group), &u.GID
	}
	if spec.says("home") {
		s.Home = u.Home
	}
	if spec.says("shell") {
		s.Shell = u.Shell
	}
	if spec.says("comment") {
		s.Comment = u.Comment
	}
}

// primaryOf spells a primary group as said does, if that is the same.
func primaryOf(v host.View, db *accounts.DB, gid int, said string) string {
	if n, err := gidOf(v, db, said); err == nil && n == gid {
		return said
	}
	if name := db.NameOfGroup(gid); name != "" {
		return name
	}
	return strconv.Itoa(gid)
}

// gidOf turns a group as a plan writes it into its number.
func gidOf(v host.View, db *accounts.DB, group string) (int, error) {
	if gid, ok := db.GID(group); ok {
		return gid, nil
	}
	return v.Accounts.GID(group)
}

// readWhole reports all of a user, and all that names one that is not there; nil is nothing.
func readWhole(db *accounts.DB, u *accounts.User, spec *Spec) *Spec {
	passwd, shadow := db.Table(accounts.Passwd), db.Table(accounts.Shadow)
	places := db.Places(spec.Name, nil)
	have := &Spec{
		Name: spec.Name, Whole: true, Beside: places, uid: -1,
		Line: accounts.Kept(passwd.Line(spec.Name)), Shadow: accounts.Kept(shadow.Line(spec.Name)),
		Groups: accounts.Sorted(db.Groups(spec.Name)),
	}
	if u == nil && have.Shadow == nil && len(places) == 0 {
		return nil
	}
	places["passwd"], places["shadow"] = passwd.Beside(spec.Name), shadow.Beside(spec.Name)
	if u != nil {
		have.uid, have.within = u.UID, db.NameOfGroup(u.GID)
		have.describe(u)
	}
	return have
}

// describe tells of a whole user in the words of a plan. Its group is told by number: the name may go, or come back,
// in the same run.
func (s *Spec) describe(u *accounts.User) {
	s.UID, s.Group, s.Home, s.Shell, s.Comment = &u.UID, strconv.Itoa(u.GID), u.Home, u.Shell, u.Comment
}

// there reports whether there is such a user, and not only what names one.
func (s *Spec) there() bool { return s != nil && s.uid >= 0 }

// Diff compares what want says. Other groups count only where it is exact.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	if !have.there() && !want.Whole {
		out = append(out, engine.FieldDiff{Name: "name", Have: have.traces(), Want: want.Name})
	}
	for _, f := range []struct{ name, have, want string }{
		{"uid", number(have.UID), number(want.UID)}, {"group", have.Group, want.Group},
		{"home", have.Home, want.Home}, {"shell", have.Shell, want.Shell}, {"comment", have.Comment, want.Comment},
		{"locked", truth(have.Locked), truth(want.Locked)},
	} {
		if f.want != "" && f.want != f.have {
			out = append(out, engine.FieldDiff{Name: f.name, Have: f.have, Want: f.want})
		}
	}
	if !accounts.Meets(have.Groups, want.Groups, want.Exact) {
		out = append(out, engine.FieldDiff{Name: "groups", Have: accounts.Shown(have.Groups), Want: accounts.Shown(want.Groups)})
	}
	return out
}

// traces says where a user is named that is not there.
func (s *Spec) traces() string {
	if len(s.Groups) == 0 {
		return "(not there, but in shadow or gshadow)"
	}
	return "(not there, but named in " + strings.Join(s.Groups, ", ") + ")"
}

func number(id *int) string {
	if id == nil {
		return ""
	}
	return strconv.Itoa(*id)
}

func truth(b *bool) string {
	if b == nil {
		return ""
	}
	return fmt.Sprint(*b)
}
