package accounts

import (
	"slices"
	"strings"
)

// list is one list of users in a line of group or gshadow.
type list struct {
	kind  string // how keys of Places name it
	file  string
	field int
}

// lists are all that may name a user.
var lists = []list{{"group", Group, listMembers}, {"gshadow", Gshadow, listMembers}, {"admins", Gshadow, gshadowAdmin}}

func (l list) key(group string) string { return l.kind + ":" + group }

// names takes a list apart. Put together again by join it is the same, whatever was in it.
func names(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// member is the name that one of a list is.
func member(s string) string { return s }

func join(names []string) string { return strings.Join(names, ",") }

// Groups lists the groups whose members name the user, in the order of the file.
func (db *DB) Groups(user string) []string {
	var out []string
	for f := range db.tables[Group].all() {
		if len(f) > listMembers && slices.Contains(names(f[listMembers]), user) && !slices.Contains(out, f[0]) {
			out = append(out, f[0])
		}
	}
	return out
}

// Members lists the members of a group as a file has them: Group or Gshadow.
func (db *DB) Members(file, group string) []string {
	f, err := db.tables[file].Get(group)
	if f == nil || err != nil {
		return nil
	}
	return slices.DeleteFunc(names(f[listMembers]), func(s string) bool { return s == "" })
}

// SetMembers makes the members of a group these, in this order.
func (db *DB) SetMembers(file, group string, members []string) error {
	return db.edit(list{file: file, field: listMembers}, group, func([]string) []string { return members })
}

// AddMember makes the user the last member of a group, unless it is one.
func (db *DB) AddMember(group, user string) error {
	for _, l := range lists[:2] {
		err := db.edit(l, group, func(have []string) []string {
			if slices.Contains(have, user) {
				return have
			}
			return append(have, user)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveMember takes the user from the members of a group.
func (db *DB) RemoveMember(group, user string) error {
	for _, l := range lists[:2] {
		if err := db.edit(l, group, without(user)); err != nil {
			return err
		}
	}
	return nil
}

func without(user string) func([]string) []string {
	return func(have []string) []string {
		return slices.DeleteFunc(have, func(s string) bool { return s == user })
	}
}

// RemoveEverywhere takes the user from every list that names it, but for those that places tell of.
func (db *DB) RemoveEverywhere(user string, places map[string][]string) error {
	for _, l := range lists {
		for _, group := range db.naming(l, user) {
			if places[l.key(group)] != nil {
				continue
			}
			if err := db.edit(l, group, without(user)); err != nil {
				return err
			}
		}
	}
	return nil
}

// naming lists the groups in which l names the user.
func (db *DB) naming(l list, user string) []string {
	var out []string
	for f := range db.tables[l.file].all() {
		if len(f) > l.field && slices.Contains(names(f[l.field]), user) {
			out = append(out, f[0])
		}
	}
	return out
}

func (db *DB) edit(l list, group string, change func([]string) []string) error {
	t := db.tables[l.file]
	f, err := t.Get(group)
	if f == nil || err != nil {
		return err
	}
	f[l.field] = join(change(names(f[l.field])))
	t.Put(strings.Join(f, ":"))
	return nil
}

// Places tells of every list that names the user between whom it is named, by kind of list and
// group. Where only is not nil, other groups are left out.
func (db *DB) Places(user string, only func(group string) bool) map[string][]string {
	out := map[string][]string{}
	for _, l := range lists {
		for f := range db.tables[l.file].all() {
			if len(f) <= l.field || only != nil && !only(f[0]) {
				continue
			}
			all := names(f[l.field])
			if i := slices.Index(all, user); i >= 0 {
				out[l.key(f[0])] = neighbours(all, i, member)
			}
		}
	}
	return out
}

// PutBack names the user again where places tell, in a group that is still there. Where only is not
// nil, other groups are left out.
func (db *DB) PutBack(user string, places map[string][]string, only func(group string) bool) error {
	for _, l := range lists {
		for f := range db.tables[l.file].all() {
			beside, ok := places[l.key(f[0])]
			if !ok || only != nil && !only(f[0]) {
				continue
			}
			err := db.edit(l, f[0], func(have []string) []string { return putBack(have, user, beside) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// putBack names the user between whom it was, and where that cannot be told where it is or at the end.
func putBack(have []string, user string, beside []string) []string {
	others := without(user)(slices.Clone(have))
	at := between(others, beside, member)
	switch {
	case at >= 0:
		return slices.Insert(others, at, user)
	case slices.Contains(have, user):
		return have
	}
	return append(have, user)
}

// Merged is what two looks at a list tell together: the names that were asked for, and of these those
// that were found. What the earlier look did not ask for is as the later one tells.
func Merged(asked, found, laterAsked, laterFound []string) (allAsked, allFound []string) {
	return Sorted(slices.Concat(asked, laterAsked)), Sorted(slices.Concat(found, Without(laterFound, asked)))
}

// PlacesOf are those of places that tell of a group which counts, and all that tell of no group.
func PlacesOf(places map[string][]string, counts func(group string) bool) map[string][]string {
	out := map[string][]string{}
	for key, beside := range places {
		if _, group, ok := strings.Cut(key, ":"); !ok || counts(group) {
			out[key] = beside
		}
	}
	return out
}

// Meets reports whether have has all that is wanted, and no more than that where it is exact.
func Meets(have, want []string, exact bool) bool {
	return len(Without(want, have)) == 0 && (!exact || len(Without(have, want)) == 0)
}

// Without lists what is in all and not in some.
func Without(all, some []string) []string {
	var out []string
	for _, s := range all {
		if !slices.Contains(some, s) {
			out = append(out, s)
		}
	}
	return out
}

// Shown are names as a plan writes them.
func Shown(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// Sorted returns each of the names once. None is none, and not left out.
func Sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
