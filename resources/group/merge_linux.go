package group

import (
	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Merge adds to earlier the number and the members that only later tells of.
func (resource) Merge(earlier, later *Spec) *Spec {
	switch {
	case earlier.Whole || later.Whole && later.Line == nil:
		return earlier
	case later.Whole:
		return later.wholeBefore(earlier)
	}
	out := *earlier
	if out.GID == nil {
		out.GID = later.GID
	}
	if earlier.Exact {
		return &out
	}
	if out.Exact = later.Exact; out.Exact {
		added := accounts.Without(earlier.Asked, earlier.Members)
		out.Asked, out.Members, out.Shadowed = nil, accounts.Without(later.Members, added), accounts.Without(later.Shadowed, added)
		return &out
	}
	out.Asked, out.Members = accounts.Merged(earlier.Asked, earlier.Members, later.Asked, later.Members)
	return &out
}

// wholeBefore is s, a whole group, as it was when earlier was a part of it. What is not kept any more
// stays as it is.
func (s *Spec) wholeBefore(earlier *Spec) *Spec {
	out := *s
	if s.Line.Missing() || s.Shadow != nil && s.Shadow.Missing() {
		return &out
	}
	db := accounts.Of(map[string]*engine.Text{accounts.Group: s.Line, accounts.Gshadow: s.Shadow})
	if earlier.bring(host.View{}, db) != nil {
		return &out
	}
	out.Line, out.Shadow = accounts.Kept(db.Table(accounts.Group).Line(s.Name)), accounts.Kept(db.Table(accounts.Gshadow).Line(s.Name))
	out.Members, out.Shadowed = db.Members(accounts.Group, s.Name), db.Members(accounts.Gshadow, s.Name)
	if gid, ok := db.GID(s.Name); ok {
		out.GID = &gid
	}
	return &out
}
