// Package user manages one user of the host's own files.
package user

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
)

// Spec is a user. A new one has no password and is locked: nobody logs in as it with one, services
// run as it, and passwords are never the plan's. With absent = true it is removed, unless a process
// runs as it: from all groups too, while its files and its home stay, with its number for an owner.
// Of a user of a directory service (LDAP, sssd) only the groups of this host can be changed.
type Spec struct {
	// Label is what references call the block by.
	Label string `hcl:"label,label" diff:"-"`
	// Name is the user's name. Left out, it is the block's label.
	Name string `hcl:"name,optional"`
	// System makes a new user an account for a service: its number comes from the range for system
	// accounts, and what is left out is no login shell and no home.
	System bool `hcl:"system,optional" diff:"-"`
	// UID is its number. Left out, a new user gets one as useradd chooses it, the same for the same
	// files, and an existing one keeps its own. Changed, files keep the old number; it is not changed
	// while a process runs as the user.
	UID *int `hcl:"uid,optional"`
	// Group is the name or the number of the primary group. Left out, a new user gets one of its own,
	// with its name and if it is free with its number, which goes when the user goes.
	Group string `hcl:"group,optional"`
	// Groups are more groups that the user is in. Others stay, unless exact is true. Processes that
	// run do not gain them: what refers to the user is restarted.
	Groups []string `hcl:"groups,optional"`
	// Exact says that the user is in no other groups than these and the primary one.
	Exact bool `hcl:"exact,optional" diff:"-"`
	// Home is the home folder. Left out, a new user's is /home/NAME, or /nonexistent for a system
	// account. What is in an old one is not moved.
	Home string `hcl:"home,optional"`
	// CreateHome makes the home folder where it is missing: the user's, with mode 0750 and empty.
	CreateHome bool `hcl:"create_home,optional" diff:"-"`
	// Shell is the login shell. Left out, a new user's is that of /etc/default/useradd or /bin/sh, or
	// nologin for a system account.
	Shell string `hcl:"shell,optional"`
	// Comment is the full name or whatever the user is for.
	Comment string `hcl:"comment,optional"`
	// Locked says whether the password is locked. Keys for SSH still let the user in.
	Locked *bool `hcl:"locked,optional"`

	// Said are the attributes that count, in a user as found.
	Said []string `record:"said"`
	// Asked are the groups that count, where not all do.
	Asked []string `record:"asked"`
	// GID is the number of the primary group, where that counts.
	GID *int `record:"gid"`
	// Whole says that Line and Shadow are the user as it was.
	Whole bool `record:"whole"`
	// Line and Shadow are the lines in passwd and shadow.
	Line   *engine.Text `record:"line"`
	Shadow *engine.Text `record:"shadow"`
	// Beside tells between which others the user is in files and lists.
	Beside map[string][]string `record:"beside" diff:"-"`

	absent bool
	remote bool   // known to the name service alone
	uid    int    // as found, -1 for none
	within string // the primary group as found
}

// homeMode is the mode of a new home folder.
const homeMode = "0750"

// Absent tells that the user is to go: all of it is read, so that undo can bring it back.
func (s *Spec) Absent() { s.absent = true }

// Default takes the name from the label, and the place of a home that is to be made from the name.
func (s *Spec) Default() {
	if s.Name == "" {
		s.Name = s.Label
	}
	s.Label = ""
	if s.CreateHome && s.Home == "" {
		s.Home = "/home/" + s.Name
	}
	s.Groups = accounts.Sorted(s.Groups)
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{
		accounts.ValidName("name", s.Name), accounts.ValidID("uid", s.UID), accounts.ValidPath("home", s.Home),
		accounts.ValidPath("shell", s.Shell), accounts.ValidText("comment", s.Comment),
	}
	if s.Group != "" && !numeric(s.Group) {
		errs = append(errs, accounts.ValidName("group", s.Group))
	}
	for _, name := range s.Groups {
		errs = append(errs, accounts.ValidName("groups", name))
	}
	add := func(name, format string, args ...any) {
		errs = append(errs, &engine.AttributeError{Name: name, Err: fmt.Errorf(format, args...)})
	}
	if s.Exact && s.Groups == nil {
		add("exact", "it needs groups, [] for none")
	}
	if s.absent && s.Name == "root" {
		add("name", "no system is without the user root")
	}
	if s.CreateHome && s.Home == "/" {
		add("create_home", "the top of the tree is nobody's home")
	}
	return errors.Join(errs...)
}

func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }

// Claims are the user and where it is a member.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{engine.UserClaim(s.Name)}
	if s.absent {
		return out
	}
	for _, name := range s.Groups {
		out = append(out, accounts.MemberClaim(name, s.Name))
	}
	return out
}

// Excludes are memberships that others say, where the groups are exact.
func (s *Spec) Excludes(c engine.Claim) bool {
	_, user, ok := accounts.MemberOf(c)
	return s.Exact && ok && user == s.Name
}

// Needs are the groups and the shell.
func (s *Spec) Needs() []engine.Claim {
	var out []engine.Claim
	if s.within != "" {
		out = append(out, engine.GroupClaim(s.within))
	} else if !numeric(s.primary()) {
		out = append(out, engine.GroupClaim(s.primary()))
	}
	for _, name := range s.Groups {
		out = append(out, engine.GroupClaim(name))
	}
	if s.Shell != "" {
		out = append(out, engine.PathClaim(s.Shell))
	}
	return out
}

// Implies are the group of its own and the home folder. A folder that is there stays as it is.
func (s *Spec) Implies() []engine.Declared {
	var out []engine.Declared
	if s.Group == "" {
		out = append(out, group.Implied(s.Name, s.UID, s.System))
	}
	if s.CreateHome {
		out = append(out, engine.Declared{
			Addr: engine.Addr("directory." + s.Home), Kind: directory.Kind(), Implied: true,
			Spec:          &directory.Spec{Path: s.Home, Owner: s.Name, Group: s.primary(), Mode: homeMode},
			IgnoreChanges: []string{"owner", "group", "mode"},
		})
	}
	return out
}

// primary is the primary group of a new user.
func (s *Spec) primary() string {
	if s.Group == "" {
		return s.Name
	}
	return s.Group
}

// whole reports whether the user is looked at as a whole: it is to go, or to come back.
func (s *Spec) whole() bool { return s.absent || s.Whole }

// says reports whether an attribute counts.
func (s *Spec) says(attribute string) bool { return slices.Contains(s.said(), attribute) }

// said are the attributes that count: as a plan's block says them, or as they were recorded.
func (s *Spec) said() []string {
	if s.Said != nil {
		return s.Said
	}
	var out []string
	for _, a := range []struct {
		name string
		said bool
	}{
		{"uid", s.UID != nil}, {"group", s.Group != ""}, {"home", s.Home != ""}, {"shell", s.Shell != ""},
		{"comment", s.Comment != ""}, {"locked", s.Locked != nil},
	} {
		if a.said {
			out = append(out, a.name)
		}
	}
	return out
}

// asked are the groups that count where not all do.
func (s *Spec) asked() []string {
	if s.Asked != nil {
		return s.Asked
	}
	return s.Groups
}
