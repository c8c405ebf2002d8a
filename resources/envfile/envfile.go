// Package envfile manages one file of environment variables, as systemd's EnvironmentFile= and
// shells read it.
package envfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a file of environment variables. The whole file is the plan's: variables that the plan
// does not have go. Folders above it that are missing are made, root's and 0755. No value is ever
// shown unless public names it.
type Spec struct {
	// Path is where the file is: absolute, and inside the root that is converged.
	Path string `hcl:"path"`
	// From are files of KEY=value lines beside the plan. Those that do not exist are passed over;
	// of a variable that several set, the last file's value counts. What systemd, shells and
	// containers would read differently is an error that names file and line.
	From []string `hcl:"from,optional" diff:"-"`
	// Values are the variables. Those from files are among them once they are read; where both
	// set a variable, the value in the plan counts.
	Values map[string]engine.Text `hcl:"values,optional"`
	// Public are the names of variables whose values may be shown.
	Public []string `hcl:"public,optional" diff:"-"`
	// Owner is a user's name or number. Left out, a new file is root's and an existing one keeps
	// its owner.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, a new file is root's and an existing one keeps
	// its group.
	Group string `hcl:"group,optional"`
	// Mode is octal. Left out, it is 0640.
	Mode string `hcl:"mode,optional"`

	// Raw is the file as found, which undo brings back.
	Raw *engine.Text `record:"raw"`
	// Xattrs are the extended attributes as found, which undo brings back.
	Xattrs map[string][]byte `record:"xattrs"`

	info  host.Info
	wrong error // why the file as found is none of ours
}

// Kind returns the kind env_file.
func Kind() *engine.Kind { return engine.NewKind("env_file", resource{}) }

// Load reads the files beside the plan.
func (s *Spec) Load(from engine.Sources) error {
	read := map[string]engine.Text{}
	for _, name := range s.From {
		b, err := from.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &engine.AttributeError{Name: "from", Err: err}
		}
		pairs, err := parse(b)
		var at *syntaxError
		if errors.As(err, &at) {
			err = fmt.Errorf("%s:%d: %s", name, at.line, at.text)
		}
		if err != nil {
			return &engine.AttributeError{Name: "from", Err: err}
		}
		for _, p := range pairs {
			read[p.key] = *s.text(p.key, p.value)
		}
	}
	maps.Copy(read, s.Values)
	if len(read) > 0 {
		s.Values = read
	}
	return nil
}

// text is a value that may be shown if it is public.
func (s *Spec) text(key, value string) *engine.Text {
	if slices.Contains(s.Public, key) {
		return engine.NewText(value)
	}
	return engine.NewSecret(value)
}

// Default makes secrets of all values that are not public, and brings the mode to one form. A
// value that comes from a sensitive variable stays a secret, public or not.
func (s *Spec) Default() {
	for key, value := range s.Values {
		if !value.Secret() {
			s.Values[key] = *s.text(key, value.Reveal())
		}
	}
	if s.Mode == "" {
		s.Mode = defaultMode
	}
	s.Mode = place.Mode(s.Mode)
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{place.Validate(s.Path), s.attributes().Validate()}
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		if err := valid(key, s.Values[key].Reveal()); err != nil {
			errs = append(errs, &engine.AttributeError{Name: "values", Err: err})
		}
	}
	for _, key := range s.Public {
		if _, ok := s.Values[key]; !ok && len(s.From) == 0 {
			errs = append(errs, &engine.AttributeError{Name: "public", Err: fmt.Errorf("there is no variable %s", key)})
		}
	}
	return errors.Join(errs...)
}

// valid returns why a variable cannot be written so that all read it, or nil. It does not quote
// the value.
func valid(key, value string) error {
	switch {
	case !name.MatchString(key):
		return fmt.Errorf("%q is not a name of letters, digits and underscores", key)
	case !utf8.ValidString(value):
		return fmt.Errorf("the value of %s is not UTF-8", key)
	case strings.ContainsFunc(value, badRune):
		return fmt.Errorf("the value of %s has a control character, for which older systemd drops a variable", key)
	}
	return nil
}

// Claims is the path.
func (s *Spec) Claims() []engine.Claim { return []engine.Claim{place.Claim(s.Path)} }

// Needs are the folder above and the owners.
func (s *Spec) Needs() []engine.Claim { return place.Needs(s.Path, s.attributes()) }

// Implies is the folder above.
func (s *Spec) Implies() []engine.Declared { return directory.ImpliedBy(s.Path) }

func (s *Spec) attributes() place.Attributes {
	return place.Attributes{Owner: s.Owner, Group: s.Group, Mode: s.Mode}
}
