package accounts

import (
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// User is what a line of passwd says.
type User struct {
	Name                 string
	UID, GID             int
	Comment, Home, Shell string
}

// User reads the user's line, nil if there is none.
func (db *DB) User(name string) (*User, error) {
	f, err := db.tables[Passwd].Get(name)
	if f == nil || err != nil {
		return nil, err
	}
	return parseUser(f), nil
}

func parseUser(f []string) *User {
	return &User{f[0], number(f[passwdUID]), number(f[passwdGID]), f[4], f[5], f[6]}
}

// PutUser makes u's line say what u says. Its password stays; a new user has none and is locked, and
// gets a line in shadow if there is such a file.
func (db *DB) PutUser(v host.View, u User, system bool) error {
	f, err := db.tables[Passwd].Get(u.Name)
	if err != nil {
		return err
	}
	if f == nil {
		f = make([]string, fieldsOf[Passwd])
		f[0], f[password] = u.Name, "!"
		if shadow := db.tables[Shadow]; shadow != nil {
			f[password] = "x"
			shadow.Put(newShadow(v, u.Name, system))
		}
	}
	f[passwdUID], f[passwdGID] = strconv.Itoa(u.UID), strconv.Itoa(u.GID)
	f[4], f[5], f[6] = u.Comment, u.Home, u.Shell
	db.tables[Passwd].Put(strings.Join(f, ":"))
	return nil
}

// newShadow is the line of a user without a password. It names no day of the last change, which
// would make two images of one plan differ: whoever sets a password sets the day.
func newShadow(v host.View, name string, system bool) string {
	f := make([]string, fieldsOf[Shadow])
	f[0], f[password] = name, "!"
	if !system {
		defs := loginDefs(v)
		f[3], f[4], f[5] = defs["PASS_MIN_DAYS"], defs["PASS_MAX_DAYS"], defs["PASS_WARN_AGE"]
	}
	return strings.Join(f, ":")
}

// PutGroup gives a group a number. A new one has no members, and a line in gshadow if there is such
// a file.
func (db *DB) PutGroup(name string, gid int) error {
	f, err := db.tables[Group].Get(name)
	if err != nil {
		return err
	}
	if f == nil {
		f = []string{name, "!", "", ""}
		if gshadow := db.tables[Gshadow]; gshadow != nil {
			f[password] = "x"
			gshadow.Put(name + ":!::")
		}
	}
	f[groupGID] = strconv.Itoa(gid)
	db.tables[Group].Put(strings.Join(f, ":"))
	return nil
}

// MoveUsers gives all users with the primary group from the primary group to.
func (db *DB) MoveUsers(from, to int) {
	passwd := db.tables[Passwd]
	for i, line := range passwd.lines {
		f := strings.Split(line, ":")
		if foreign(line) || len(f) != fieldsOf[Passwd] || number(f[passwdGID]) != from {
			continue
		}
		f[passwdGID] = strconv.Itoa(to)
		passwd.lines[i], passwd.edited = strings.Join(f, ":"), true
	}
}

// Hash returns the hashed password of a user, from shadow or, where that has no line, from passwd.
func (db *DB) Hash(user string) (string, error) {
	f, _, err := db.hashed(user)
	if f == nil || err != nil {
		return "", err
	}
	return f[password], nil
}

func (db *DB) hashed(user string) ([]string, *Table, error) {
	for _, file := range []string{Shadow, Passwd} {
		if f, err := db.tables[file].Get(user); f != nil || err != nil {
			return f, db.tables[file], err
		}
	}
	return nil, nil, nil
}

// Locked reports whether a hashed password lets nobody in. The mark x for a line in shadow that is
// not there does so too; no password at all lets everybody in.
func Locked(hash string) bool { return hash != "" && !IsHash(hash) }

// Unlockable reports whether there is a password behind the lock.
func Unlockable(hash string) bool { return IsHash(strings.TrimLeft(hash, "!")) }

// IsHash reports whether the second field of a line is a hashed password, and no mark.
func IsHash(field string) bool {
	return field != "" && field != "x" && !strings.HasPrefix(field, "*") && !strings.HasPrefix(field, "!")
}

// Lock puts the mark "!" before a user's password, as usermod -L does, or takes it away.
func (db *DB) Lock(user string, locked bool) error {
	f, t, err := db.hashed(user)
	if f == nil || err != nil || Locked(f[password]) == locked {
		return err
	}
	if locked {
		f[password] = "!" + f[password]
	} else {
		f[password] = strings.TrimLeft(f[password], "!")
	}
	t.Put(strings.Join(f, ":"))
	return nil
}

// Kept is a line as a journal keeps it, nil for none. One with a password in it is a secret.
func Kept(line string) *engine.Text {
	if line == "" {
		return nil
	}
	if f := strings.Split(line, ":"); len(f) > password && strings.TrimLeft(f[password], "!*x") != "" {
		return engine.NewSecret(line)
	}
	return engine.NewText(line)
}
