package group

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

type resource struct{}

// kind is made once: every user implies its group.
var kind = sync.OnceValue(func() *engine.Kind { return engine.NewKind("group", resource{}) })

// Kind returns the kind group.
func Kind() *engine.Kind { return kind() }

// Read reports the group as far as spec says anything of it.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	db, err := load(v, spec)
	if err != nil {
		return nil, err
	}
	if _, err := db.Table(accounts.Group).Get(spec.Name); err != nil {
		return nil, err
	}
	gid, there := db.GID(spec.Name)
	if there && !spec.whole() {
		return spec.found(gid, db.Members(accounts.Group, spec.Name), db.Members(accounts.Gshadow, spec.Name)), nil
	}
	have := readWhole(db, spec)
	if there {
		return have, nil
	}
	elsewhere, err := readElsewhere(ctx, v, spec)
	if elsewhere != nil && spec.whole() {
		return nil, &engine.OccupiedError{Detail: accounts.RemoteError("the group " + spec.Name).Error()}
	}
	if elsewhere != nil || err != nil {
		return elsewhere, err
	}
	return have, nil
}

// load reads the files that tell what spec asks for.
func load(v host.View, spec *Spec) (*accounts.DB, error) {
	files := []string{accounts.Passwd, accounts.Group}
	db, err := accounts.Load(v, files...)
	if err != nil {
		return nil, err
	}
	if spec.whole() || spec.Exact || db.Table(accounts.Group).Line(spec.Name) == "" {
		files = append(files, accounts.Gshadow)
	}
	return accounts.Load(v, files...)
}

// found is what is there of what spec says.
func (s *Spec) found(gid int, members, shadowed []string) *Spec {
	have := &Spec{Name: s.Name, Found: true, Exact: s.Exact, UserOf: s.UserOf, UserID: s.UserID}
	if s.GID != nil {
		have.GID = &gid
	}
	if s.Exact {
		have.Members, have.Shadowed = members, shadowed
		return have
	}
	have.Asked = s.asked()
	for _, name := range have.Asked {
		if slices.Contains(members, name) {
			have.Members = append(have.Members, name)
		}
	}
	return have
}

// readElsewhere is for a group that the files do not have; nil is for one that nobody has.
func readElsewhere(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	if spec.UserOf != "" && !spec.whole() {
		if _, err := v.Accounts.UID(spec.UserOf); err == nil {
			return &Spec{Name: spec.Name, Found: true, UserOf: spec.UserOf, UserID: spec.UserID}, nil // its user has another
		}
	}
	gid, members, ok, err := accounts.RemoteGroup(ctx, v, spec.Name)
	if !ok || err != nil {
		return nil, err
	}
	have := spec.found(gid, members, nil)
	have.remote = true
	return have, nil
}

// readWhole reports all of a group, and the line in gshadow of one that is not there; nil is nothing.
func readWhole(db *accounts.DB, spec *Spec) *Spec {
	group, gshadow := db.Table(accounts.Group), db.Table(accounts.Gshadow)
	have := &Spec{
		Name: spec.Name, Found: true, Whole: true, UserOf: spec.UserOf, UserID: spec.UserID,
		Members: db.Members(accounts.Group, spec.Name), Shadowed: db.Members(accounts.Gshadow, spec.Name),
		Line: accounts.Kept(group.Line(spec.Name)), Shadow: accounts.Kept(gshadow.Line(spec.Name)),
		Beside: map[string][]string{"group": group.Beside(spec.Name), "gshadow": gshadow.Beside(spec.Name)},
	}
	if have.Line == nil && have.Shadow == nil {
		return nil
	}
	if gid, ok := db.GID(spec.Name); ok {
		have.GID = &gid
	}
	return have
}

// Diff compares what want says. Other members count only where it is exact.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	if have.Whole && have.Line == nil && !want.Whole {
		out = append(out, engine.FieldDiff{Name: "name", Have: "(not there, but in gshadow)", Want: want.Name})
	}
	if want.GID != nil && !reflect.DeepEqual(have.GID, want.GID) {
		out = append(out, engine.FieldDiff{Name: "gid", Have: shown(have.GID), Want: shown(want.GID)})
	}
	if !accounts.Meets(have.Members, want.Members, want.Exact) {
		out = append(out, engine.FieldDiff{Name: "members", Have: accounts.Shown(have.Members), Want: accounts.Shown(want.Members)})
	}
	return out
}

func shown(id *int) string {
	if id == nil {
		return ""
	}
	return fmt.Sprint(*id)
}
