package user

import (
	"maps"
	"slices"
	"strings"

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
		out.Asked, out.Beside = nil, withoutGroups(later.Beside, added)
		out.Groups = accounts.Without(later.Groups, added)
		return &out
	}
	out.Asked = accounts.Sorted(slices.Concat(earlier.Asked, later.Asked))
	out.Groups = accounts.Sorted(slices.Concat(earlier.Groups, accounts.Without(later.Groups, earlier.Asked)))
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
	out.Beside = withoutGroups(s.Beside, added)
	for key, beside := range earlier.Beside {
		if _, group, _ := strings.Cut(key, ":"); slices.Contains(taken, group) {
			out.Beside[key] = beside
		}
	}
	out.Groups = accounts.Sorted(slices.Concat(accounts.Without(s.Groups, added), taken))
	return &out
}

// withoutGroups are the places that are not in one of the groups.
func withoutGroups(places map[string][]string, groups []string) map[string][]string {
	out := maps.Clone(places)
	maps.DeleteFunc(out, func(key string, _ []string) bool {
		_, group, ok := strings.Cut(key, ":")
		return ok && slices.Contains(groups, group)
	})
	return out
}
