package accounts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// settings are those of login.defs(5), which useradd goes by.
type settings map[string]string

// loginDefs reads the settings of the root. SUSE keeps the distribution's own in /usr/etc.
func loginDefs(v host.View) settings {
	s := settings{}
	for _, name := range []string{"/usr/etc/login.defs", "/etc/login.defs"} {
		b, err := v.Files.ReadFile(name)
		if err != nil {
			continue // every setting has a default, as for useradd
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && !strings.HasPrefix(f[0], "#") {
				s[f[0]] = strings.Trim(f[1], `"`)
			}
		}
	}
	return s
}

func (s settings) number(key string, otherwise int) int {
	if n := number(s[key]); n >= 0 {
		return n
	}
	return otherwise
}

// numbers is where numbers of one sort come from.
type numbers struct {
	prefix string // in the names of settings
	file   string
	field  int
	what   string
	// known asks the name service, which may know more than the files do.
	known func(id int) bool
}

func (db *DB) users(v host.View) numbers {
	return numbers{"UID", Passwd, passwdUID, "user", func(id int) bool { return v.Accounts.UserName(id) != strconv.Itoa(id) }}
}

func (db *DB) groups(v host.View) numbers {
	return numbers{"GID", Group, groupGID, "group", func(id int) bool { return v.Accounts.GroupName(id) != strconv.Itoa(id) }}
}

// FreeUID returns the number that a new user gets, as useradd(8) chooses it: for a system account the
// highest that is free, otherwise the one after the highest that is taken. The same files give the
// same number.
func (db *DB) FreeUID(v host.View, system bool) (int, error) { return db.free(v, db.users(v), system) }

// FreeGID returns the number that a new group gets: prefer, unless it is negative or taken, and
// otherwise as groupadd(8) chooses it.
func (db *DB) FreeGID(v host.View, system bool, prefer int) (int, error) {
	from := db.groups(v)
	if prefer >= 0 && !db.taken(from)[prefer] && !from.known(prefer) {
		return prefer, nil
	}
	return db.free(v, from, system)
}

func (db *DB) taken(from numbers) map[int]bool {
	out := map[int]bool{}
	add := func(file string, field int) {
		for f := range db.tables[file].all() {
			if len(f) > field {
				out[number(f[field])] = true
			}
		}
	}
	add(from.file, from.field)
	if from.file == Group {
		add(Passwd, passwdGID) // a group that is gone: a new one with its number would have its users
	}
	return out
}

func (db *DB) free(v host.View, from numbers, system bool) (int, error) {
	defs, taken := loginDefs(v), db.taken(from)
	lowest, highest := defs.number(from.prefix+"_MIN", 1000), defs.number(from.prefix+"_MAX", 60000)
	if system {
		lowest, highest = defs.number("SYS_"+from.prefix+"_MIN", 101), defs.number("SYS_"+from.prefix+"_MAX", lowest-1)
		for id := highest; id >= lowest; id-- {
			if !taken[id] && !from.known(id) {
				return id, nil
			}
		}
		return 0, from.full(lowest, highest)
	}
	next := lowest
	for id := range taken {
		if id >= next && id <= highest {
			next = id + 1
		}
	}
	for n := range highest - lowest + 1 {
		id := lowest + (next-lowest+n)%(highest-lowest+1) // once round, from the next
		if !taken[id] && !from.known(id) {
			return id, nil
		}
	}
	return 0, from.full(lowest, highest)
}

func (from numbers) full(lowest, highest int) error {
	return fmt.Errorf("no number from %d to %d is free for a %s: widen the range in /etc/login.defs", lowest, highest, from.what)
}
