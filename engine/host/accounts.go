package host

import (
	"sync"
)

// Accounts translates between the names and the numbers of users and groups. It reads the
// root's own files first and asks a running system's name service (LDAP, sssd) for the
// rest. It remembers, and forgets as soon as the files change or a program was run.
type Accounts struct {
	users, groups *accountTable
}

func newAccounts(t Tree, p *Programs) Accounts {
	table := func(kind, file, database string) *accountTable {
		return &accountTable{tree: t, programs: p, kind: kind, file: file, database: database}
	}
	return Accounts{
		users:  table("user", "/etc/passwd", "passwd"),
		groups: table("group", "/etc/group", "group"),
	}
}

// UID returns the number of a user. Decimal digits are a number already. A user that the
// host does not have is an *UnknownAccountError.
func (a Accounts) UID(name string) (int, error) { return a.users.id(name) }

// GID returns the number of a group, like UID.
func (a Accounts) GID(name string) (int, error) { return a.groups.id(name) }

// UserName returns the name of a user, and the number in decimal if nobody has it.
func (a Accounts) UserName(uid int) string { return a.users.name(uid) }

// GroupName returns the name of a group, like UserName.
func (a Accounts) GroupName(gid int) string { return a.groups.name(gid) }

// accountTable is one of the two databases.
type accountTable struct {
	tree                 Tree
	programs             *Programs
	kind, file, database string

	mu    sync.Mutex
	known accountState
	ids   map[string]int
	names map[int]string
	// asked holds what the name service answered, -1 and "" for an account it does not know.
	askedIDs   map[string]int
	askedNames map[int]string
}
