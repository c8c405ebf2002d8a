package plans

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hashicorp/hcl/v2/json"
)

// maxSource bounds a plan's file and whatever else is read beside it into memory.
const maxSource = 64 << 20

// find names the plan and lists its files and the files of values beside them.
func (l *loader) find() {
	info, err := os.Stat(l.in.Path)
	if err != nil {
		l.unreadable("plan", l.in.Path, err)
		return
	}
	l.dir = l.in.Path
	if !info.IsDir() {
		l.dir = filepath.Dir(l.in.Path)
		l.sources = []string{l.in.Path}
	}
	l.name = defaultName(l.in.Path, info.IsDir())
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.unreadable("plan", l.dir, err)
		return
	}
	for _, e := range entries {
		name := filepath.Join(l.dir, e.Name())
		switch {
		case e.IsDir() || strings.HasPrefix(e.Name(), ".") || !hasSuffix(name, ".hcl", ".hcl.json"):
		case hasSuffix(name, ".auto.vars.hcl", ".auto.vars.hcl.json"):
			l.autoFiles = append(l.autoFiles, name)
		case info.IsDir():
			l.sources = append(l.sources, name)
		}
	}
	if len(l.sources) == 0 {
		l.add(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "No plan here",
			Detail: "The folder " + l.dir + " holds neither *.hcl nor *.hcl.json files.",
		})
	}
}

// defaultName is the file's or the folder's name; plan.hcl is named for its folder.
func defaultName(path string, dir bool) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := filepath.Base(path)
	if dir {
		return name
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".hcl")
	if name == "plan" {
		return filepath.Base(filepath.Dir(path))
	}
	return name
}

// goodName is what a plan may be called: the name is part of records and of output.
func goodName(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`).MatchString(name)
}

func hasSuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// unreadable reports a file that cannot be read at all; what says what it holds.
func (l *loader) unreadable(what, name string, err error) {
	reason := err.Error()
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		reason = pathErr.Err.Error()
	}
	l.add(&hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Cannot read the " + what, Detail: "Cannot read " + name + ": " + reason + ".",
	})
}

// parse reads the plan's files.
func (l *loader) parse() {
	for _, name := range l.sources {
		if l.frugal && isLong(name) {
			l.dropped = true
			if !l.parseEarly(name) {
				return
			}
			continue
		}
		src, err := readFile(name)
		if err != nil {
			l.unreadable("plan", name, err)
			continue
		}
		f, diags := parseFile(src, name)
		l.add(diags...)
		if f == nil {
			f = &hcl.File{Body: hcl.EmptyBody(), Bytes: src}
		}
		l.files[name] = f
		l.sums[name] = sha256.Sum256(src)
	}
	l.parsed = true
}

// isLong reports whether a file is worth being parsed in pieces.
func isLong(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Size() > 2*chunkSize && !strings.HasSuffix(name, ".json")
}

func parseFile(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if !strings.HasSuffix(name, ".json") {
		return parsePlan(src, name)
	}
	if diags := refused(src, name, hcl.InitialPos); diags.HasErrors() {
		return &hcl.File{Body: hcl.EmptyBody(), Bytes: src}, diags
	}
	return json.Parse(src, name)
}

// readFile reads a file of the build side, of a size that fits in memory. It never waits: a pipe or
// a device is refused.
func readFile(name string) ([]byte, error) {
	if err := readable(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

func readable(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "read", Path: name, Err: errors.New("it is not a regular file")}
	case info.Size() > maxSource:
		return &fs.PathError{Op: "read", Path: name, Err: errors.New("it is larger than 64 MiB")}
	}
	return nil
}
