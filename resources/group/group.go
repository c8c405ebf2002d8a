// Package group manages one group of the host's own files.
package group

import (
	"errors"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Spec is a group. With absent = true it is removed, unless it is the primary group of a user that
// stays; files that belong to it keep its number. Processes that run do not see a change of members:
// what refers to the group is restarted.
type Spec struct {
	// Label is what references call the block by.
	Label string `hcl:"label,label" diff:"-"`
	// Name is the group's name. Left out, it is the block's label.
	Name string `hcl:"name,optional"`
	// GID is its number. Left out, a new group gets one as groupadd chooses it, and an existing one
	// keeps its own. Changed, users with this primary group follow, and files keep the old number;
	// it is not changed while a process runs with it.
	GID *int `hcl:"gid,optional"`
	// System takes the number of a new group from the range for system accounts.
	System bool `hcl:"system,optional" diff:"-"`
	// Members are users who are in the group besides those whose primary group it is. Others stay
	// members, unless exact is true.
	Members []string `hcl:"members,optional"`
	// Exact says that there are no other members than these.
	Exact bool `hcl:"exact,optional" diff:"-"`

	// UserOf is the user that takes the group for granted as its primary group. A user that is there
	// already with another does not.
	UserOf string `record:"user_of"`
	// UserID is the number of that user, where it is declared.
	UserID *int `record:"user_id"`
	// Found says that this is what was found, and not what a plan says.
	Found bool `record:"found"`
	// Asked are the names that were looked for among the members, where not all count.
	Asked []string `record:"asked"`
	// Shadowed are the members as gshadow lists them, where all count.
	Shadowed []string `record:"shadowed"`
	// Whole says that Line and Shadow are the group as it was, and Beside between which lines.
	Whole bool `record:"whole"`
	// Line and Shadow are the lines in group and gshadow.
	Line   *engine.Text `record:"line"`
	Shadow *engine.Text `record:"shadow"`
	// Beside are the names before and after those lines.
	Beside map[string][]string `record:"beside" diff:"-"`

	absent bool
	remote bool // known to the name service alone
}

// Implied declares the group in which a user of that name is, for a user that takes it for granted;
// uid is nil where its number is not declared.
func Implied(user string, uid *int, system bool) engine.Declared {
	return engine.Declared{
		Addr: engine.Addr("group." + user), Kind: Kind(), Implied: true,
		Spec: &Spec{Name: user, System: system, UserOf: user, UserID: uid},
	}
}

// Absent tells that the group is to go: all of it is read, so that undo can bring it back.
func (s *Spec) Absent() { s.absent = true }

// Default takes the name from the label.
func (s *Spec) Default() {
	if s.Name == "" {
		s.Name = s.Label
	}
	s.Label = ""
	s.Members = accounts.Sorted(s.Members)
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{accounts.ValidName("name", s.Name), accounts.ValidID("gid", s.GID)}
	for _, name := range s.Members {
		errs = append(errs, accounts.ValidName("members", name))
	}
	if s.Exact && s.Members == nil {
		errs = append(errs, &engine.AttributeError{Name: "exact", Err: errors.New("it needs members, [] for none")})
	}
	if s.absent && s.Name == "root" {
		errs = append(errs, &engine.AttributeError{Name: "name", Err: errors.New("no system is without the group root")})
	}
	return errors.Join(errs...)
}

// Claims are the group and its members.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{engine.GroupClaim(s.Name)}
	if s.absent {
		return out
	}
	for _, user := range s.Members {
		out = append(out, accounts.MemberClaim(s.Name, user))
	}
	return out
}

// Excludes are memberships that others say, where the members are exact.
func (s *Spec) Excludes(c engine.Claim) bool {
	group, _, ok := accounts.MemberOf(c)
	return s.Exact && ok && group == s.Name
}

// Needs are the members.
func (s *Spec) Needs() []engine.Claim {
	var out []engine.Claim
	for _, user := range s.Members {
		out = append(out, engine.UserClaim(user))
	}
	return out
}

// asked are the members that count where not all do.
func (s *Spec) asked() []string {
	if s.Asked != nil {
		return s.Asked
	}
	return s.Members
}

// whole reports whether the group is looked at as a whole: it is to go, or to come back.
func (s *Spec) whole() bool { return s.absent || s.Whole }
