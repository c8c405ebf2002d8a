package user

import (
	"maps"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Merge adds to earlier the attributes and groups that only later tells of.
func (resource) Merge(earlier, later *Spec) *Spec {
	switch {
	case earlier.Whole || later.Whole && later.Line == nil:
		return earlier
	case later.Whole:
		return later.wholeBefore(earlier)
	}
	out := *earlier
	out.Said = slices.Clone(earlier.Said)
	for _, attribute := range later.Said {
		if !earlier.says(attribute) {
			out.Said = append(out.Said, attribute)
			out.take(later, attribute)
		}
	}
	if earlier.Exact {
		return &out
	}
	added := accounts.Without(earlier.Asked, earlier.Groups)
	if out.Exact = later.Exact; out.Exact {
		out.Asked, out.Groups = nil, accounts.Without(later.Groups, added)
		out.Beside = accounts.PlacesOf(later.Beside, func(g string) bool { return !slices.Contains(added, g) })
		return &out
	}
	out.Asked, out.Groups = accounts.Merged(earlier.Asked, earlier.Groups, later.Asked, later.Groups)
	return &out
}

// take takes over one attribute.
func (s *Spec) take(from *Spec, attribute string) {
	switch attribute {
	case "uid":
		s.UID = from.UID
	case "group":
		s.Group, s.GID = from.Group, from.GID
	case "home":
		s.Home = from.Home
	case "shell":
		s.Shell = from.Shell
	case "comment":
		s.Comment = from.Comment
	case "locked":
		s.Locked = from.Locked
	}
}

// wholeBefore is s, a whole user, as it was when earlier was a part of it. What is not kept any more
// stays as it is.
func (s *Spec) wholeBefore(earlier *Spec) *Spec {
	out := *s
	if s.Line.Missing() || s.Shadow != nil && s.Shadow.Missing() {
		return &out
	}
	db := accounts.Of(map[string]*engine.Text{accounts.Passwd: s.Line, accounts.Shadow: s.Shadow})
	u, err := db.User(s.Name)
	if err != nil || u == nil || earlier.dress(host.View{}, db, u) != nil {
		return &out
	}
	out.Line, out.Shadow = accounts.Kept(db.Table(accounts.Passwd).Line(s.Name)), accounts.Kept(db.Table(accounts.Shadow).Line(s.Name))
	out.describe(u)
	added, taken := accounts.Without(earlier.Asked, earlier.Groups), []string(nil)
	if earlier.Exact {
		added, taken = accounts.Without(s.Groups, earlier.Groups), accounts.Without(earlier.Groups, s.Groups)
	}
	out.Beside = accounts.PlacesOf(s.Beside, func(g string) bool { return !slices.Contains(added, g) })
	maps.Copy(out.Beside, accounts.PlacesOf(earlier.Beside, func(g string) bool { return slices.Contains(taken, g) }))
	out.Groups = accounts.Sorted(slices.Concat(accounts.Without(s.Groups, added), taken))
	return &out
}
