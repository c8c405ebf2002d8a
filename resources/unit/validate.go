package unit

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/unitfile"
)

func mistake(attribute, format string, args ...any) error {
	return &engine.AttributeError{Name: attribute, Err: fmt.Errorf(format, args...)}
}

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	if err := s.validName(); err != nil {
		return err
	}
	errs := []error{s.validFile(), s.validDropins()}
	if s.absent {
		return errors.Join(append(errs, s.validAbsent())...)
	}
	if s.bare() {
		errs = append(errs, fmt.Errorf("nothing is said of %s: give it sections, content or drop-ins, or say enabled, masked or state", s.Name))
	}
	return errors.Join(append(errs, s.validMask(), s.validEnabled(), s.validState(), s.validFollow())...)
}

func (s *Spec) validName() error {
	if err := unitfile.ValidName(s.Name); err != nil {
		return mistake("name", "%w", err)
	}
	if !unitfile.HasFiles(s.kind()) {
		return mistake("name", "a %s has no file: it is not for a plan to declare", s.kind())
	}
	return nil
}

func (s *Spec) validAbsent() error {
	if !s.ownFile() && len(s.Dropins) == 0 && (s.Enabled != nil || s.Masked != nil || s.State != "") {
		return errors.New("absent = true removes the unit's file and drop-ins, and leaves nothing to enable, mask or start: say its name alone")
	}
	return nil
}

// validFile looks at the sections or at the text that is brought along.
func (s *Spec) validFile() error {
	var said []string
	for _, x := range s.sections() {
		if len(x.said) > 0 {
			said = append(said, x.attr)
		}
	}
	switch {
	case s.Content == nil:
		var errs []error
		for _, err := range validSections(s.Name, s.sections()) {
			errs = append(errs, err)
		}
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		return s.complete()
	case !s.loaded && s.Source != "":
		return mistake("content", "the content is said here or comes from a source, not both")
	case len(said) > 0:
		return mistake(said[0], "the unit's file is said in sections or brought along whole, not both")
	}
	attr := "content"
	if s.loaded {
		attr = "source"
	}
	return validText(attr, s.Content)
}

// Secrets says where a secret goes: no attribute of a unit holds one.
func (s *Spec) Secrets() string {
	return "A unit's files can be read by everybody: put the secret into an env_file and name that with EnvironmentFile, " +
		"or into a file and name that with LoadCredential."
}

func validText(attr string, text *engine.Text) error {
	if text.Secret() {
		return mistake(attr, "this is sensitive. %s", strings.TrimSuffix(new(Spec).Secrets(), "."))
	}
	f, err := unitfile.Parse([]byte(text.Reveal()))
	switch {
	case err != nil:
		return mistake(attr, "%w", err)
	case len(text.Reveal()) > maxFile:
		return mistake(attr, "it is %d bytes long; %d is the most", len(text.Reveal()), maxFile)
	case len(f.Ignored) > 0:
		return mistake(attr, "line %d: %s", f.Ignored[0].Line, f.Ignored[0].Why)
	case len(f.Sections) == 0:
		return mistake(attr, "it has no section: systemd takes an empty file for a mask")
	}
	return nil
}

// validSections looks at names and values of directives.
func validSections(name string, sections []section) []*engine.AttributeError {
	var errs []*engine.AttributeError
	kind, base := unitfile.Type(name), strings.TrimSuffix(name, path.Ext(name))
	for _, x := range sections {
		if len(x.said) > 0 && x.name != "Unit" && x.name != "Install" && x.name != sectionOf(kind) {
			errs = append(errs, &engine.AttributeError{Name: x.attr, Err: fmt.Errorf(
				"a .%s unit has no section [%s]: say the unit's whole name, as in name = \"%s.%s\"", kind, x.name, base, x.attr)})
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(x.said)) {
			err := unitfile.Check(kind, x.name, key)
			if err == nil {
				err = validDirective(key, x.said[key])
			}
			if err != nil {
				errs = append(errs, &engine.AttributeError{Name: fmt.Sprintf("%s[%q]", x.attr, key), Err: err})
			}
		}
	}
	return errs
}

// validDirective refuses what cannot be written in one line.
func validDirective(key string, values []string) error {
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == '=' || r == 0x7f }) {
		return fmt.Errorf("%q is not the name of a directive", key)
	}
	for _, v := range values {
		switch {
		case strings.ContainsAny(v, "\n\r\x00"):
			return fmt.Errorf("a value of %s has the end of a line in it, which systemd would take for the next directive: write a list, of which each element is a line", key)
		case strings.HasSuffix(v, `\`):
			return fmt.Errorf("a value of %s ends with a backslash, with which it would go on in the next line: write it without", key)
		case strings.Trim(v, " \t") != v:
			return fmt.Errorf("a value of %s has blanks around it, which systemd drops: put quotes around what needs them", key)
		}
	}
	return nil
}

func (s *Spec) validDropins() error {
	var errs []error
	names := map[string]bool{}
	for _, d := range s.Dropins {
		if err := s.validDropin(d); err != nil {
			errs = append(errs, err)
		}
		if names[d.Name] {
			errs = append(errs, mistake("dropin", "there are two drop-ins %q", d.Name))
		}
		names[d.Name] = true
	}
	return errors.Join(errs...)
}

func (s *Spec) validDropin(d Dropin) error {
	said := slices.ContainsFunc(d.sections(), func(x section) bool { return len(x.said) > 0 })
	switch {
	case d.Name == "" || d.Name != path.Base(d.Name) || strings.HasPrefix(d.Name, ".") || strings.ContainsFunc(d.Name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return mistake("dropin", "%q is not the name of a file: write letters, digits and dashes, such as \"50-limits\"", d.Name)
	case strings.HasSuffix(d.Name, ".conf"):
		return mistake("dropin", "the file's name gets its .conf by itself: write %q", strings.TrimSuffix(d.Name, ".conf"))
	case len(d.Name) > 200:
		return mistake("dropin", "the name %.20s… is %d bytes long; 200 is the most", d.Name, len(d.Name))
	case d.Content != nil && said:
		return mistake("dropin", "the drop-in %q has sections and content: say one of them", d.Name)
	case d.Content != nil:
		return validText(fmt.Sprintf("dropin[%q].content", d.Name), d.Content)
	case !said:
		return mistake("dropin", "the drop-in %q says nothing: systemd would take it for one that hides others of its name", d.Name)
	}
	var errs []error
	for _, err := range validSections(s.Name, d.sections()) {
		errs = append(errs, mistake(fmt.Sprintf("dropin[%q].%s", d.Name, err.Name), "%w", err.Err))
	}
	return errors.Join(errs...)
}

func (s *Spec) validMask() error {
	if s.Masked == nil || !*s.Masked {
		return nil
	}
	switch {
	case s.ownFile():
		return mistake("masked", "a mask takes the place of the unit's file, and here is one: leave the unit out, or its sections")
	case s.Enabled != nil && *s.Enabled:
		return mistake("enabled", "a unit that is masked cannot be started, at boot or otherwise: say one of them")
	case s.State == running:
		return mistake("state", "a unit that is masked cannot be started: say one of them")
	}
	return nil
}

func (s *Spec) validEnabled() error {
	if s.Enabled == nil || !*s.Enabled || !s.ownFile() {
		return nil
	}
	for _, key := range []string{"WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also"} {
		if len(s.installs(key)) > 0 {
			return nil
		}
	}
	return mistake("enabled", "nothing in the unit says what starts it: add install = { WantedBy = %q }, or leave enabled out", wantedBy(s.kind()))
}

// wantedBy is the target that units of a type are usually wanted by.
func wantedBy(kind string) string {
	if target := map[string]string{"socket": "sockets.target", "timer": "timers.target", "path": "paths.target", "mount": "local-fs.target", "automount": "local-fs.target", "swap": "swap.target"}[kind]; target != "" {
		return target
	}
	return "multi-user.target"
}

func (s *Spec) validState() error {
	switch {
	case s.State == "":
		return nil
	case s.State != running && s.State != stopped:
		return mistake("state", "%q is neither \"running\" nor \"stopped\"", s.State)
	case unitfile.IsTemplate(s.Name):
		return mistake("state", "%s is a template, of which only instances run: declare one, such as %s", s.Name, strings.Replace(s.Name, "@", "@NAME", 1))
	case s.State == running && s.ownFile() && s.last("Service", "Type") == "oneshot" && !yes(s.last("Service", "RemainAfterExit")):
		return mistake("state", "%s", ends(s.Name))
	}
	return nil
}

// ends says why a command that ends cannot be kept running.
func ends(name string) string {
	base := strings.TrimSuffix(name, ".service")
	return fmt.Sprintf("%s is a oneshot, which ends as soon as its command has: it is never running. "+
		"Say RemainAfterExit = true if it is to count as running from then on, leave state out, or have a timer start it (%s.timer)", name, base)
}

func (s *Spec) validFollow() error {
	for attr, list := range map[string][]engine.Addr{"restart_on": s.RestartOn, "reload_on": s.ReloadOn} {
		if len(list) > 0 && !restartable(s.kind()) {
			return mistake(attr, "a %s is never restarted, as that would end all that is in it", s.kind())
		}
	}
	for _, a := range s.ReloadOn {
		if slices.Contains(s.RestartOn, a) {
			return mistake("reload_on", "%s is in restart_on as well: a change of it asks for one of them", a)
		}
	}
	return nil
}
