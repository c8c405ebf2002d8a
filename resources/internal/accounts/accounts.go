// Package accounts reads and edits the files that hold a Linux system's users and groups: passwd(5),
// shadow(5), group(5) and gshadow(5).
//
// It edits them itself, rather than by useradd and its like, for three reasons: those cannot run in
// an image that is built for another machine, they leave half an account when they are killed, and
// what they changed cannot be taken back byte for byte. It holds the lock that they hold, changes
// the lines that are its own, and leaves all others as they are: their order, comments, what is no
// valid line at all, and those of "+" that refer to NIS.
package accounts

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// The files.
const (
	Passwd  = "/etc/passwd"
	Shadow  = "/etc/shadow"
	Group   = "/etc/group"
	Gshadow = "/etc/gshadow"
)

// fieldsOf is how many fields a line of each file has.
var fieldsOf = map[string]int{Passwd: 7, Shadow: 9, Group: 4, Gshadow: 4}

// The fields that are used, from 0.
const (
	password     = 1 // of passwd, shadow and group
	passwdUID    = 2
	passwdGID    = 3
	groupGID     = 2
	listMembers  = 3 // of group and gshadow
	gshadowAdmin = 2
)

// DB is what was read of the files.
type DB struct{ tables map[string]*Table }

// Load reads the files. That passwd or group is not there is an error; shadow and gshadow may be
// missing, and then accounts have no line there.
func Load(v host.View, files ...string) (*DB, error) {
	db := &DB{map[string]*Table{}}
	for _, name := range files {
		t, err := load(v, name)
		if errors.Is(err, fs.ErrNotExist) && (name == Shadow || name == Gshadow) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: this is not the root of a system that has accounts", err)
		}
		if err != nil {
			return nil, place.Unreadable(err)
		}
		db.tables[name] = t
	}
	return db, nil
}

// Of is a DB of no more than these lines, by their files; nil is none.
func Of(lines map[string]*engine.Text) *DB {
	db := &DB{map[string]*Table{}}
	for file, line := range lines {
		if line != nil {
			db.tables[file] = newTable(file, host.Info{}, line.Reveal())
		}
	}
	return db
}

func load(v host.View, name string) (*Table, error) {
	info, err := v.Files.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Kind != host.File {
		return nil, place.Occupied(v, name, info, "file of accounts")
	}
	b, err := v.Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return newTable(name, info, string(b)), nil
}

// Table returns one of the files, nil if it was not read or is not there. All methods of a nil Table
// are those of one without lines.
func (db *DB) Table(file string) *Table { return db.tables[file] }

// Check finds why the files cannot be changed.
func (db *DB) Check(v host.View) error {
	for _, name := range []string{Passwd, Shadow, Group, Gshadow} {
		t := db.tables[name]
		if t == nil {
			continue
		}
		if err := place.Check(v, name, place.Replace, &t.info, place.Attributes{}); err != nil {
			return err
		}
	}
	return nil
}

// CheckName finds what is wrong with the lines of an account in these files.
func (db *DB) CheckName(name string, files ...string) error {
	for _, file := range files {
		t := db.tables[file]
		if n := t.count(name); n > 1 {
			return fmt.Errorf("%s has %d lines for %s: remove all but one", file, n, name)
		}
		if _, err := t.Get(name); err != nil {
			return err
		}
	}
	return nil
}

// changed lists the files in which something was edited, in the order of files.
func (db *DB) changed(files []string) []*Table {
	var out []*Table
	for _, name := range files {
		if t := db.tables[name]; t != nil && t.edited {
			out = append(out, t)
		}
	}
	return out
}

// NameOfGroup returns the name of the group with that number, or "".
func (db *DB) NameOfGroup(gid int) string {
	for f := range db.tables[Group].all() {
		if len(f) > groupGID && number(f[groupGID]) == gid {
			return f[0]
		}
	}
	return ""
}

// GID returns the number of a group that the files have.
func (db *DB) GID(group string) (int, bool) {
	f, err := db.tables[Group].Get(group)
	if f == nil || err != nil {
		return 0, false
	}
	n := number(f[groupGID])
	return n, n >= 0
}

// UsersOf lists the users whose primary group has that number.
func (db *DB) UsersOf(gid int) []string {
	var out []string
	for f := range db.tables[Passwd].all() {
		if len(f) > passwdGID && number(f[passwdGID]) == gid && !slices.Contains(out, f[0]) {
			out = append(out, f[0])
		}
	}
	return out
}
