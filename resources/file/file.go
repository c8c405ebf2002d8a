// Package file manages one regular file: its content, whose it is and who may use it.
package file

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a regular file. It says its content in one of three ways: content, source or template.
// With none of them the file must be there already, and only its attributes are managed. Folders
// above it that are missing are made, root's and 0755. A file is replaced as a whole: whoever
// reads it sees the old one or the new one.
type Spec struct {
	// Path is where the file is: absolute, and inside the root that is converged. A symbolic link
	// at the path itself is an error; links on the way there are followed.
	Path string `hcl:"path"`
	// Owner is a user's name or number. Left out, a new file is root's and an existing one keeps
	// its owner.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, a new file is root's and an existing one keeps
	// its group.
	Group string `hcl:"group,optional"`
	// Mode is octal, such as "0644" or "4755". Left out, a new file gets 0644 and an existing one
	// keeps its mode; a file with secret content gets 0600, new or not.
	Mode string `hcl:"mode,optional"`
	// Content is what the file holds, byte for byte: line ends and byte order marks are not touched.
	Content *engine.Text `hcl:"content,optional"`
	// Source is a file beside the plan whose bytes are the content. At most 64 MiB: larger files
	// are what the model kind is for.
	Source string `hcl:"source,optional" diff:"-"`
	// Template is a file beside the plan that is evaluated as a template, with vars as its names.
	Template string `hcl:"template,optional" diff:"-"`
	// Vars are the names that the template may use.
	Vars map[string]any `hcl:"vars,optional" diff:"-"`
	// Sensitive keeps the content out of every output. Content that comes from a sensitive
	// variable is so without it.
	Sensitive bool `hcl:"sensitive,optional" diff:"-"`
	// Checker is a program, with its arguments, that must find new content good before it takes the
	// place of the old. "%s" among the arguments stands for the path of a copy: ["visudo", "-cf",
	// "%s"]. It runs on the live host only; in a root that is not running there is no program to
	// run, so there the content is not checked.
	Checker []string `hcl:"validate,optional" diff:"-"`
	// BreakHardLinks allows new content for a file that has other names too. Those keep the old
	// content then. Left out, such a change is an error.
	BreakHardLinks bool `hcl:"break_hard_links,optional" diff:"-"`

	// Xattrs are the extended attributes as found, which undo brings back.
	Xattrs map[string][]byte `record:"xattrs"`
	// TooLarge is the size of a file that was found and is too large to be read.
	TooLarge int64 `record:"too_large"`

	info   host.Info
	absent bool
	loaded bool // the content came from the source or the template
}

// Kind returns the kind file.
func Kind() *engine.Kind { return engine.NewKind("file", resource{}) }

// freshMode is the mode of a new file that says none.
const freshMode = 0o644

// Absent tells that the file is to go: its content must be read, so that undo can bring it back.
func (s *Spec) Absent() { s.absent = true }

// Load reads the source or renders the template.
func (s *Spec) Load(from engine.Sources) error {
	switch {
	case s.Content != nil || s.Source != "" && s.Template != "":
		return nil // which is too much, as Validate says, or all there is
	case s.Source != "":
		b, err := from.ReadFile(s.Source)
		if err != nil {
			return &engine.AttributeError{Name: "source", Err: err}
		}
		s.Content, s.loaded = engine.NewText(string(b)), true
	case s.Template != "":
		text, err := from.Render(s.Template, s.Vars)
		if err != nil {
			return &engine.AttributeError{Name: "template", Err: err}
		}
		s.Content, s.loaded = engine.NewText(text), true
	}
	return nil
}

// Default brings the mode to one form and closes what is secret.
func (s *Spec) Default() {
	s.Mode = place.Mode(s.Mode)
	if s.Content == nil {
		return
	}
	if s.Sensitive && !s.Content.Secret() {
		s.Content = engine.NewSecret(s.Content.Reveal())
	}
	if s.Mode == "" && s.Content.Secret() {
		s.Mode = place.Private
	}
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	errs := []error{place.Validate(s.Path), s.attributes().Validate()}
	add := func(name, format string, args ...any) {
		errs = append(errs, &engine.AttributeError{Name: name, Err: fmt.Errorf(format, args...)})
	}
	switch {
	case s.Source != "" && s.Template != "":
		add("template", "the content comes from the template or from the source, not from both")
	case s.Content != nil && !s.loaded && s.Source+s.Template != "":
		add("content", "the content is said here or comes from a source or template, not both")
	case s.Content != nil && len(s.Content.Reveal()) > engine.MaxText:
		add("content", "it is %d bytes long; %d is the most: use the model kind for large files", len(s.Content.Reveal()), engine.MaxText)
	}
	if s.Vars != nil && s.Template == "" {
		add("vars", "only a template has names to fill in")
	}
	switch {
	case s.Checker == nil:
	case len(s.Checker) == 0 || s.Checker[0] == "":
		add("validate", "it names no program")
	case !slices.ContainsFunc(s.Checker[1:], func(a string) bool { return strings.Contains(a, copyMark) }):
		add("validate", "no argument has %s, which stands for the path of the copy to check", copyMark)
	}
	return errors.Join(errs...)
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

// secret reports whether what the file holds must not be shown.
func (s *Spec) secret() bool { return s.Sensitive || s.Content != nil && s.Content.Secret() }
