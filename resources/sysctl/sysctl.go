// Package sysctl manages one parameter of the kernel: the value that it has, and the one that it
// gets when the host boots.
package sysctl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a parameter of the kernel (sysctl). It has two states, and both are compared: the value now,
// in /proc/sys, and the one at boot, in a file of its own in /etc/sysctl.d. With absent = true that
// file goes, and the kernel keeps its value until it boots. In an image there is only the file.
type Spec struct {
	// Name is the parameter, such as "vm.swappiness". A dot inside a name is written as a slash:
	// "net.ipv4.conf.eth0/100.rp_filter", or "net/ipv4/conf/eth0.100/rp_filter".
	Name string `hcl:"name"`
	// Value is a number or a text. Blanks and tabs between numbers mean the same.
	Value string `hcl:"value,optional"`
	// Persist keeps the value over a boot. Left out, it is true; false sets it for now only.
	Persist *bool `hcl:"persist,optional"`
	// Optional lets a kernel be without the parameter, such as before a module is loaded: it gets
	// its value once it is there, at the next run or boot.
	Optional bool `hcl:"optional,optional"`

	// Found says that this is the parameter as it was found.
	Found bool `record:"found"`
	// Runtime is the value that the kernel has, nil where it has no such parameter.
	Runtime *string `record:"runtime"`
	// Raw is the file as found, nil for none. Owner, Group, Mode and Xattrs are its own.
	Raw    *engine.Text      `record:"raw"`
	Owner  string            `record:"owner"`
	Group  string            `record:"group"`
	Mode   string            `record:"mode"`
	Xattrs map[string][]byte `record:"xattrs"`

	// Gone says that the file is to be absent: then no file is nothing, whatever the kernel has.
	Gone bool `record:"gone"`

	info   host.Info
	winner *assignment // what overrules the file at boot
}

// Absent tells that the file is to go: the parameter's name is all that must be said.
func (s *Spec) Absent() { s.Gone = true }

// Default brings name and value to one form.
func (s *Spec) Default() {
	s.Name = dotted(s.Name)
	s.Value = strings.TrimSpace(s.Value)
	if s.Persist == nil && !s.Gone {
		yes := true
		s.Persist = &yes
	}
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	var errs []error
	if err := validName(s.Name); err != nil {
		errs = append(errs, &engine.AttributeError{Name: "name", Err: err})
	}
	if err := validValue(s.Value); err != nil && !s.Gone {
		errs = append(errs, &engine.AttributeError{Name: "value", Err: err})
	}
	return errors.Join(errs...)
}

// maxValue is the longest value that the kernel takes at once, less the end of the line.
const maxValue = 4095

func validValue(v string) error {
	switch {
	case v == "":
		return errors.New("it is empty: say what the parameter is to be")
	case strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("%q has a control character", v)
	case len(v) > maxValue:
		return fmt.Errorf("it is %d bytes long; %d is the most", len(v), maxValue)
	}
	return nil
}

// Claims are the parameter and the file.
func (s *Spec) Claims() []engine.Claim {
	return []engine.Claim{engine.Claim("sysctl:" + s.Name), place.Claim(s.file())}
}

// Needs is the folder of the file.
func (s *Spec) Needs() []engine.Claim { return place.Needs(s.file(), place.Attributes{}) }

// Implies is the folder of the file.
func (s *Spec) Implies() []engine.Declared {
	if s.Persist != nil && !*s.Persist {
		return nil
	}
	return directory.ImpliedBy(s.file())
}

// persists says whether the file is wanted.
func (s *Spec) persists() bool {
	if s.Found {
		return s.Raw != nil
	}
	return s.Persist != nil && *s.Persist
}

// bytes is the file as it is to be: as it was, where an undo wants it back.
func (s *Spec) bytes() string {
	if s.Found && s.Raw != nil {
		return s.Raw.Reveal()
	}
	if !s.persists() {
		return ""
	}
	return format(s.Name, s.Value, s.Optional)
}

// runtime is the value that the kernel is to have, nil for whatever it has.
func (s *Spec) runtime() *string {
	if s.Found {
		return s.Runtime
	}
	return &s.Value
}

// attributes are the file's: as they were, where an undo wants it back.
func (s *Spec) attributes() place.Attributes {
	if s.Found {
		return place.Attributes{Owner: s.Owner, Group: s.Group, Mode: s.Mode}
	}
	return place.Attributes{Owner: "root", Group: "root", Mode: "0644"}
}
