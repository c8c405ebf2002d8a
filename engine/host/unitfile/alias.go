package unitfile

import (
	"fmt"
	"path"
)

// faultKind tells faults apart, as systemctl does by its error numbers.
type faultKind uint8

const (
	missing  faultKind = iota + 1 // there is no such unit file
	dangling                      // it is another name of a unit that is not there
	circle                        // the links go round in a circle, or a link may not be followed
	self                          // a name of itself
	bad                           // anything else that systemd refuses
)

// fault is why systemd cannot make use of a unit.
type fault struct {
	kind faultKind
	text string
}

func (f *fault) Error() string { return f.text }

func faultf(kind faultKind, format string, args ...any) error {
	return &fault{kind, fmt.Sprintf(format, args...)}
}

// kindOf is 0 for what is no fault.
func kindOf(err error) faultKind {
	if f, ok := err.(*fault); ok {
		return f.kind
	}
	return 0
}

// checkAlias says why one name cannot stand for a unit that has another.
func checkAlias(alias, unit string) error {
	alias, unit = path.Base(alias), path.Base(unit)
	switch {
	case !valid(alias):
		return faultf(bad, "%s is not the name of a unit", alias)
	case !mayAlias(Type(alias)):
		return faultf(bad, "%s: a %s unit cannot have another name", alias, Type(alias))
	case alias == unit:
		return faultf(self, "%s is a symbolic link to a unit of the same name", alias)
	case !valid(unit):
		return faultf(bad, "%s stands for %s, which is not the name of a unit", alias, unit)
	case Type(alias) != Type(unit):
		return faultf(bad, "%s cannot be another name of %s: it is of another type", alias, unit)
	}
	_, i1, _, at1 := parts(alias)
	_, i2, _, at2 := parts(unit)
	if at1 && !mayTemplate(Type(alias)) {
		return faultf(bad, "%s: there are no templates of %s units", alias, Type(alias))
	}
	switch {
	case at1 != at2, i1 == "" && i2 != "":
		return faultf(bad, "%s cannot be another name of %s: one is a template and the other is not", alias, unit)
	case i2 != "" && i1 != i2:
		return faultf(bad, "%s cannot be another name of %s: they are different instances", alias, unit)
	}
	return nil
}

// follow says where a link in a unit directory leads to. Within the unit directories it is an
// alias, which must be a fitting one; outside of them it is a unit linked from elsewhere.
func (d *disk) follow(link string) (target string, isAlias bool, err error) {
	text, ok := d.link(link)
	if !ok {
		return "", false, faultf(bad, "cannot read the symbolic link %s", link)
	}
	if target, err = d.absolute(link, text); err != nil {
		return "", false, err
	}
	if !d.inSearchPath(target) {
		return target, false, nil
	}
	return target, true, checkAlias(link, target)
}
