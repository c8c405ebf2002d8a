package logrotate

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// mainFile is what logrotate is started with.
const mainFile = "/etc/logrotate.conf"

// maxNesting is how deep logrotate follows includes.
const maxNesting = 16

// config is all that logrotate reads on a host.
type config struct {
	rules []found
	taboo []taboo
	// main says that there is a /etc/logrotate.conf, included that it reads our folder.
	main, included bool
}

// found is a rule, and where it is.
type found struct {
	file  string
	line  int
	paths []string
}

// taboo is a pattern of names that are skipped, and where that is said, "" for nowhere.
type taboo struct {
	pattern, file string
	line          int
}

// survey reads the configuration from its start. Rules that are not included are among it all the
// same: they will be, once the folder is.
func survey(v host.View) (*config, error) {
	c := &config{}
	for _, p := range defaultTaboo() {
		c.taboo = append(c.taboo, taboo{pattern: p})
	}
	_, err := v.Files.Stat(mainFile)
	if err != nil && !place.Missing(err) {
		return nil, place.Unreadable(err)
	}
	if c.main = err == nil; c.main {
		if err := c.file(v, mainFile, 0); err != nil {
			return nil, err
		}
	}
	if !c.included {
		if err := c.read(v, dir, 0); err != nil {
			return nil, err
		}
		c.included = false
	}
	return c, nil
}

// read reads a file, or the files of a folder, that an include names.
func (c *config) read(v host.View, name string, depth int) error {
	info, err := v.Files.Stat(name)
	switch {
	case place.Missing(err):
		return nil
	case err != nil:
		return place.Unreadable(err)
	case info.Kind != host.Dir:
		return c.file(v, name, depth)
	}
	c.included = c.included || name == dir
	names, err := v.Files.ReadDir(name)
	if err != nil {
		return place.Unreadable(err)
	}
	for _, n := range names {
		if c.skips(n) == nil {
			if err := c.file(v, path.Join(name, n), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// skips returns why a name in an included folder is passed over, or nil.
func (c *config) skips(name string) *taboo {
	for _, t := range c.taboo {
		if match(t.pattern, name) {
			return &t
		}
	}
	return nil
}

// file reads one file, unless logrotate would not trust it.
func (c *config) file(v host.View, name string, depth int) error {
	info, err := v.Files.Stat(name)
	if place.Missing(err) || err == nil && (info.Kind != host.File || info.Mode&0o022 != 0 || info.UID != 0 && v.Files.User() == 0) {
		return nil
	}
	if err != nil {
		return place.Unreadable(err)
	}
	b, err := v.Files.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return place.Unreadable(err)
	}
	for _, bl := range scan(b) {
		if bl.paths != nil {
			c.rules = append(c.rules, found{name, bl.line, bl.paths})
			continue
		}
		if err := c.global(v, name, bl.directives[0], depth); err != nil {
			return err
		}
	}
	return nil
}

// global takes in a directive outside of any rule.
func (c *config) global(v host.View, file string, d directive, depth int) error {
	switch d.word {
	case "include":
		if depth < maxNesting && path.IsAbs(d.arg) {
			return c.read(v, path.Clean(d.arg), depth+1)
		}
	case "tabooext":
		c.forbid(file, d, "*")
	case "taboopat":
		c.forbid(file, d, "")
	}
	return nil
}

// forbid adds patterns that are skipped, or with no "+" puts them in place of all others.
func (c *config) forbid(file string, d directive, prefix string) {
	list, adds := strings.CutPrefix(d.arg, "+")
	if !adds {
		c.taboo = nil
	}
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		c.taboo = append(c.taboo, taboo{prefix + word, file, d.line})
	}
}

// expand lists the paths on the host that a pattern stands for; a path that is none stands for
// itself where it is there.
func expand(v host.View, pattern string) ([]string, error) {
	paths := []string{"/"}
	for _, part := range strings.Split(strings.TrimPrefix(pattern, "/"), "/") {
		var next []string
		for _, p := range paths {
			names := []string{part}
			if isPattern(part) {
				var err error
				if names, err = v.Files.ReadDir(p); err != nil && !place.Missing(err) {
					return nil, place.Unreadable(err)
				}
				names = slices.DeleteFunc(names, func(n string) bool { return !match(part, n) })
			}
			for _, n := range names {
				next = append(next, path.Join(p, n))
			}
		}
		paths = next
	}
	var there []string
	for _, p := range paths {
		_, err := v.Files.Lstat(p)
		if err != nil && !place.Missing(err) {
			return nil, place.Unreadable(err)
		}
		if err == nil {
			there = append(there, p)
		}
	}
	return there, nil
}
