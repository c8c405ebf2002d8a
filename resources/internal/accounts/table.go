package accounts

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Table is one file of lines of fields that colons separate. Lines that nobody edits stay as they
// are, byte for byte.
type Table struct {
	path   string
	info   host.Info
	lines  []string
	open   bool // the last line has no newline, and the last line never gets one
	edited bool
}

func newTable(name string, info host.Info, content string) *Table {
	t := &Table{path: name, info: info}
	if content == "" {
		return t
	}
	text, closed := strings.CutSuffix(content, "\n")
	t.lines, t.open = strings.Split(text, "\n"), !closed
	return t
}

func (t *Table) String() string {
	if len(t.lines) == 0 {
		return ""
	}
	text := strings.Join(t.lines, "\n")
	if t.open && t.lines[len(t.lines)-1] != "" { // an empty line is one by its newline alone
		return text
	}
	return text + "\n"
}

func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return name
}

// all are the fields of every line that has a name.
func (t *Table) all() iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if t == nil {
			return
		}
		for _, line := range t.lines {
			if foreign(line) {
				continue
			}
			if !yield(strings.Split(line, ":")) {
				return
			}
		}
	}
}

// foreign reports lines that are no account: empty ones, comments, and what is for NIS.
func foreign(line string) bool {
	return line == "" || line[0] == ':' || line[0] == '#' || refers(line)
}

// refers reports lines that stand for accounts of NIS: what comes after them may be overruled.
func refers(line string) bool { return line != "" && (line[0] == '+' || line[0] == '-') }

// index finds the line that counts for a name, the first, as the C library does.
func (t *Table) index(name string) int {
	if t == nil || name == "" {
		return -1
	}
	return slices.IndexFunc(t.lines, func(line string) bool { return !foreign(line) && nameOf(line) == name })
}

func (t *Table) count(name string) int {
	n := 0
	for f := range t.all() {
		if f[0] == name {
			n++
		}
	}
	return n
}

// Line returns the line of a name as it is written, or "".
func (t *Table) Line(name string) string {
	if i := t.index(name); i >= 0 {
		return t.lines[i]
	}
	return ""
}

// Get returns the fields of a name's line, nil if there is none.
func (t *Table) Get(name string) ([]string, error) {
	i := t.index(name)
	if i < 0 {
		return nil, nil
	}
	f := strings.Split(t.lines[i], ":")
	if want := fieldsOf[t.path]; len(f) != want {
		return nil, fmt.Errorf("cannot read line %d of %s: it has %d fields and not %d: mend it by hand", i+1, t.path, len(f), want)
	}
	return f, nil
}

// Put makes line the line of its name: in the place of the one that is there, or else as the last,
// before what is for NIS.
func (t *Table) Put(line string) {
	if t == nil {
		return
	}
	if i := t.index(nameOf(line)); i >= 0 {
		t.edited = t.edited || t.lines[i] != line
		t.lines[i] = line
		return
	}
	at := slices.IndexFunc(t.lines, refers)
	if at < 0 {
		at = len(t.lines)
	}
	t.lines, t.edited = slices.Insert(t.lines, at, line), true
}

// Restore is Put for a line that was between others: it goes there again, also from elsewhere.
func (t *Table) Restore(line string, beside []string) {
	if t == nil {
		return
	}
	without := slices.DeleteFunc(slices.Clone(t.lines), func(l string) bool { return accountOf(l) == nameOf(line) })
	at := between(without, beside, accountOf)
	if at < 0 {
		t.Put(line)
		return
	}
	lines := slices.Insert(without, at, line)
	t.lines, t.edited = lines, t.edited || !slices.Equal(t.lines, lines)
}

// Delete removes all lines of a name.
func (t *Table) Delete(name string) {
	for i := t.index(name); i >= 0; i = t.index(name) {
		t.lines, t.edited = slices.Delete(t.lines, i, i+1), true
	}
}

// Beside tells where the line of a name is: after which account and before which, "" at an end, and how
// many lines that are no account come between the first of these and it.
func (t *Table) Beside(name string) []string {
	i := t.index(name)
	if i < 0 {
		return nil
	}
	return neighbours(t.lines, i, accountOf)
}

// accountOf is the name of a line, "" if it is no account.
func accountOf(line string) string {
	if foreign(line) {
		return ""
	}
	return nameOf(line)
}

func neighbours(list []string, at int, name func(string) string) []string {
	before, after := at-1, at+1
	for before >= 0 && name(list[before]) == "" {
		before--
	}
	for after < len(list) && name(list[after]) == "" {
		after++
	}
	out := []string{"", "", strconv.Itoa(at - before - 1)}
	if before >= 0 {
		out[0] = name(list[before])
	}
	if after < len(list) {
		out[1] = name(list[after])
	}
	return out
}

// between finds the place that neighbours told of: after the first name if it is still there, or
// else before the second; -1 if both are gone.
func between(list, beside []string, name func(string) string) int {
	if len(beside) != 3 {
		return -1
	}
	find := func(s string) int { return slices.IndexFunc(list, func(l string) bool { return name(l) == s }) }
	at := -1
	if beside[0] != "" {
		if at = find(beside[0]); at < 0 {
			if beside[1] == "" {
				return -1
			}
			return find(beside[1])
		}
	}
	at++
	left := number(beside[2]) // of the lines that are no account and came before
	for i := at; left > 0 && i < len(list); i++ {
		switch name(list[i]) {
		case "":
			at, left = i+1, left-1
		case beside[1]:
			return at
		}
	}
	return at
}

// number reads a number of a user or group, -1 for what is none.
func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return -1
	}
	return int(n)
}
