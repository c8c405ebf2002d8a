package logrotate

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// fileName is what a rule may be called.
var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$`)

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	var errs []error
	add := func(name string, err error) {
		if err != nil {
			errs = append(errs, &engine.AttributeError{Name: name, Err: err})
		}
	}
	add("name", validName(s.Name))
	if s.absent {
		return errors.Join(errs...)
	}
	add("paths", s.validPaths())
	add("every", s.validEvery())
	for _, size := range []struct{ name, value string }{{"size", s.Size}, {"minsize", s.MinSize}, {"maxsize", s.MaxSize}} {
		add(size.name, validSize(size.value))
	}
	if s.MaxAge != nil && (*s.MaxAge < 0 || *s.MaxAge > maxDays) {
		add("maxage", fmt.Errorf("%d is no number of days from 0 to %d", *s.MaxAge, maxDays))
	}
	if s.Keep != nil && (*s.Keep < -1 || *s.Keep > maxKeep) {
		add("keep", fmt.Errorf("%d is no number of logs from 0 to %d, nor -1 for all", *s.Keep, maxKeep))
	}
	if s.DelayCompress != nil && *s.DelayCompress && s.Compress != nil && !*s.Compress {
		add("delaycompress", errors.New("nothing is compressed, so nothing is later: set compress = true"))
	}
	add("su", s.validSu())
	add("create", s.validCreate())
	add("prerotate", validScript(s.PreRotate))
	add("postrotate", validScript(s.PostRotate))
	add("olddir", validOldDir(s.OldDir))
	return errors.Join(errs...)
}

const (
	// maxDays is the largest number that logrotate takes.
	maxDays = 1<<31 - 1
	// maxKeep bounds how many names logrotate goes through for each log whenever it rotates it, whether
	// there is such a log or not.
	maxKeep = 10000
)

func validName(name string) error {
	if !fileName.MatchString(name) || len(name) > 255 {
		return fmt.Errorf("%q is no name of a rule: letters, digits and _ . @ + - make one", name)
	}
	for _, t := range defaultTaboo() {
		if match(t, name) {
			return fmt.Errorf("logrotate skips every file whose name ends like %q: choose another name", t)
		}
	}
	return nil
}

func (s *Spec) validPaths() error {
	if len(s.Paths) == 0 {
		return errors.New("it names no log")
	}
	for i, p := range s.Paths {
		if err := validPath(p); err != nil {
			return err
		}
		for _, other := range s.Paths[:i] {
			if covers(other, p) || covers(p, other) {
				return fmt.Errorf("%s and %s name the same log, which logrotate takes for an error: leave one out", other, p)
			}
		}
	}
	return nil
}

func validPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("%q is not absolute", p)
	case strings.HasSuffix(p, "/"):
		return fmt.Errorf("%q names a folder: name the logs in it, such as %q", p, p+"*.log")
	case path.Clean(p) != p:
		return fmt.Errorf("%q is written in a roundabout way: write %q", p, path.Clean(p))
	case strings.ContainsAny(p, "{}\\\"'") || strings.ContainsFunc(p, isControl):
		return fmt.Errorf("logrotate cannot be told of %q: braces, quotes, backslashes and control characters have no place in a path", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q has a [ without its ]", p)
		}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (s *Spec) validEvery() error {
	if s.Every != "" && !slices.Contains(everies(), s.Every) {
		return fmt.Errorf("%q is none of %s", s.Every, strings.Join(everies(), ", "))
	}
	if s.Every != "" && s.Size != "" {
		return errors.New("of every and size, logrotate takes the last alone: use maxsize to rotate a large log before it is time")
	}
	return nil
}

func everies() []string { return []string{"hourly", "daily", "weekly", "monthly", "yearly"} }

// size is a number that does not begin with 0, which logrotate would read as octal.
var size = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})[kMG]?$`)

func validSize(s string) error {
	if s != "" && !size.MatchString(s) {
		return fmt.Errorf("%q is no size: write it as 100k, 10M or 1G, at most nine digits", s)
	}
	return nil
}

func (s *Spec) validSu() error {
	if s.Su == "" {
		return nil
	}
	words := strings.Split(s.Su, " ")
	if len(words) != 2 {
		return fmt.Errorf("%q is not a user and a group, such as \"agent0 adm\"", s.Su)
	}
	return inner(place.Attributes{Owner: words[0], Group: words[1]}.Validate())
}

// validCreate also refuses what su takes the right for: a user who is not root cannot give a file away.
func (s *Spec) validCreate() error {
	c := s.Create
	if c == nil {
		return nil
	}
	if err := inner((place.Attributes{Owner: c.Owner, Group: c.Group, Mode: c.Mode}).Validate()); err != nil {
		return err
	}
	switch {
	case s.CopyTruncate != nil && *s.CopyTruncate:
		return errors.New("with copytruncate the log stays where it is and none is created: leave one of them out")
	case c.Owner != "" && c.Mode == "":
		return errors.New("an owner needs a mode before it: set mode")
	case c.Group != "" && c.Owner == "":
		return errors.New("a group needs an owner before it: set owner")
	case strings.ContainsAny(c.Owner+c.Group, " \t\n"):
		return errors.New("a name of an account has no blank")
	}
	user, group, ok := strings.Cut(s.Su, " ")
	if !ok || user == "root" || user == "0" {
		return nil
	}
	if c.Owner != "" && c.Owner != user || c.Group != "" && c.Group != group {
		return fmt.Errorf("logs are rotated by %s, who cannot make them %s's: name that user and group in create, or leave them out there", s.Su, strings.TrimSpace(c.Owner+" "+c.Group))
	}
	return nil
}

// inner are the errors of attributes that are not the block's own, without their names.
func inner(err error) error {
	var at *engine.AttributeError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// endscript is how logrotate knows the end of a script: whatever follows the word on its line.
var endscript = regexp.MustCompile(`^[ \t]*endscript([^A-Za-z]|$)`)

func validScript(lines engine.List) error {
	for i, line := range lines {
		switch {
		case endscript.MatchString(line):
			return errors.New("line " + strconv.Itoa(i+1) + " begins with endscript, which ends the script for logrotate")
		case strings.ContainsFunc(line, func(r rune) bool { return isControl(r) && r != '\t' }):
			return errors.New("line " + strconv.Itoa(i+1) + " has a control character")
		}
	}
	return nil
}

// validOldDir refuses what logrotate does not take for a folder.
func validOldDir(p string) error {
	switch {
	case p == "":
		return nil
	case strings.ContainsAny(p, " *?[") || strings.ContainsFunc(p, isControl) || strings.HasPrefix(p, "=") || strings.HasPrefix(p, "~"):
		return fmt.Errorf("%q is no folder that logrotate can be told: it has a blank or a character of patterns", p)
	case path.Clean(p) != p:
		return fmt.Errorf("%q is written in a roundabout way: write %q", p, path.Clean(p))
	}
	return nil
}
