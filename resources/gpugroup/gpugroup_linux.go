package gpugroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

type resource struct{}

// Kind returns the kind gpu_group.
func Kind() *engine.Kind { return engine.NewKind("gpu_group", resource{}) }

// Read reports which of the groups the user is in. That it is in none is a state too, and absence only
// where the user is to be in none: what the groups are is known from then on, whatever becomes of the
// nodes.
func (resource) Read(_ context.Context, v host.View, spec *Spec) (*Spec, error) {
	db, err := accounts.Load(v, accounts.Passwd, accounts.Group, accounts.Gshadow)
	if err != nil {
		return nil, err
	}
	have := &Spec{User: spec.User, Asked: spec.Asked}
	if have.Asked == nil {
		if err := have.ask(v, db, spec); err != nil {
			return nil, err
		}
	}
	have.Beside = db.Places(spec.User, have.asked)
	all := db.Groups(spec.User)
	for _, g := range have.Asked {
		if slices.Contains(all, g) {
			have.Groups = append(have.Groups, g)
		}
	}
	if spec.Gone && have.Groups == nil {
		return nil, nil
	}
	return have, nil
}

// ask finds the groups that count.
func (s *Spec) ask(v host.View, db *accounts.DB, spec *Spec) error {
	s.Asked = []string{}
	if spec.Groups != nil {
		s.Asked = spec.Groups
		return nil
	}
	nodes, err := nodes(v)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		name := db.NameOfGroup(n.gid)
		switch {
		case n.gid == 0: // root's nodes are open to all, or to nobody by any group
		case name == "":
			s.nobodys = append(s.nobodys, fmt.Sprintf("%s (group %d)", n.path, n.gid))
		default:
			s.Asked = append(s.Asked, name)
		}
	}
	if len(nodes) == 0 {
		for _, name := range usual {
			if _, ok := db.GID(name); ok {
				s.Asked = append(s.Asked, name)
			}
		}
	}
	slices.Sort(s.Asked)
	s.Asked = slices.Compact(s.Asked)
	return nil
}

func (s *Spec) asked(group string) bool { return slices.Contains(s.Asked, group) }

// wanted are the groups that the user is to be in.
func wanted(have, want *Spec) []string {
	if want.Groups != nil || want.Asked != nil {
		return want.Groups
	}
	return have.Asked
}

// Diff compares the groups.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	groups := wanted(have, want)
	if accounts.Meets(have.Groups, groups, false) {
		return nil
	}
	return []engine.FieldDiff{{Name: "groups", Have: accounts.Shown(have.Groups), Want: accounts.Shown(groups)}}
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	db, err := accounts.Load(v, accounts.GroupOrder...)
	if err != nil {
		return err
	}
	errs := []error{db.Check(v)}
	if want == nil {
		return errors.Join(errs...)
	}
	missing := accounts.Without(wanted(have, want), have.Groups)
	if len(missing) > 0 {
		errs = append(errs, accounts.NeedUser(v, want.User))
	}
	for _, g := range missing {
		errs = append(errs, db.NeedLocal(v, g))
	}
	return errors.Join(errs...)
}

// Warn tells of nodes that no group can be named for.
func (resource) Warn(_ context.Context, _ host.View, have, want *Spec) error {
	if want == nil || len(have.nobodys) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the group has no name on this host, so %s cannot be in it", strings.Join(have.nobodys, ", "), want.User)
}

// Apply makes the user a member, or no longer one.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	groups := []string{}
	if want != nil {
		groups = wanted(have, want)
	}
	return accounts.Change(ctx, h, accounts.GroupOrder, func(db *accounts.DB) error {
		for _, g := range groups {
			if err := db.AddMember(g, have.User); err != nil {
				return err
			}
		}
		if want != nil {
			return nil
		}
		return leave(db, have.User, have.Groups)
	})
}

func leave(db *accounts.DB, user string, groups []string) error {
	for _, g := range groups {
		if err := db.RemoveMember(g, user); err != nil {
			return err
		}
	}
	return nil
}

// Undo brings back what was before, and leaves what nobody asked for.
func (r resource) Undo(ctx context.Context, h *host.Host, now, before *Spec) error {
	if before == nil {
		return r.Apply(ctx, h, now, nil)
	}
	in := func(group string) bool { return slices.Contains(before.Groups, group) }
	return accounts.Change(ctx, h, accounts.GroupOrder, func(db *accounts.DB) error {
		if err := db.PutBack(before.User, before.Beside, in); err != nil {
			return err
		}
		for _, g := range before.Groups {
			if err := db.AddMember(g, before.User); err != nil {
				return err
			}
		}
		return leave(db, before.User, accounts.Without(before.Asked, before.Groups))
	})
}

// Merge adds to earlier the groups that only later tells of.
func (resource) Merge(earlier, later *Spec) *Spec {
	out := *earlier
	out.Asked, out.Groups = accounts.Merged(earlier.Asked, earlier.Groups, later.Asked, later.Groups)
	out.Beside = accounts.PlacesOf(later.Beside, func(group string) bool { return !earlier.asked(group) })
	maps.Copy(out.Beside, earlier.Beside)
	return &out
}
