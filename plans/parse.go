package plans

import (
	"crypto/sha256"
	"errors"
	"io/fs"
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
	info, err := l.disk.Stat(l.in.Path)
	if err != nil {
		l.unreadable("plan", l.in.Path, err)
		return
	}
	l.dir = l.in.Path
	if !info.IsDir() {
		l.dir = filepath.Dir(l.in.Path)
		l.sources = []string{l.in.Path}
	}
	l.name = l.defaultName(l.in.Path, info.IsDir())
	entries, err := l.disk.ReadDir(l.dir)
	if err != nil {
		l.unreadable("plan", l.dir, err)
		return
	}
	for _, name := range planFiles(l.dir, entries) {
		switch {
		case hasSuffix(name, autoSuffixes...):
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

// autoSuffixes are those of the files of values that need not be named.
var autoSuffixes = []string{".auto.vars.hcl", ".auto.vars.hcl.json"}

// lockSuffix is that of files in HCL that are no plans, but data for hcldecode.
const lockSuffix = ".lock.hcl"

// planFiles lists what is written in the plan language in a folder.
func planFiles(dir string, entries []fs.DirEntry) []string {
	var out []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && hasSuffix(e.Name(), ".hcl", ".hcl.json") && !hasSuffix(e.Name(), lockSuffix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// defaultName is the file's or the folder's name; plan.hcl is named for its folder.
func (l *loader) defaultName(path string, dir bool) string {
	if abs, err := l.disk.Abs(path); err == nil {
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
	l.add(&hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Cannot read the " + what, Detail: "Cannot read " + name + ": " + reasonOf(err) + ".",
	})
}

// reasonOf is err without the name of the file.
func reasonOf(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// parse reads the plan's files.
func (l *loader) parse() {
	l.texts = append(l.texts, l.sources...)
	for _, name := range l.sources {
		if l.frugal && l.isLong(name) {
			l.dropped = true
			if !l.parseEarly(name) {
				return
			}
			continue
		}
		l.parseWhole("plan", name)
	}
	l.parsed = true
}

// parseWhole reads one file of what and keeps it. Without ok it has mistakes.
func (l *loader) parseWhole(what, name string) (ok bool) {
	src, err := l.disk.read(name, Text)
	if err != nil {
		l.unreadable(what, name, err)
		return false
	}
	f, diags := parseFile(src, name)
	l.add(diags...)
	if f == nil {
		f = &hcl.File{Body: hcl.EmptyBody(), Bytes: src}
	}
	l.files[name] = f
	l.sums[name] = sha256.Sum256(src)
	return !diags.HasErrors()
}

// longSource is from how many bytes on a plan's file is declared while it is parsed.
const longSource = 4 << 10

// isLong reports whether a file is worth that.
func (l *loader) isLong(name string) bool {
	info, err := l.disk.Stat(name)
	return err == nil && info.Size() > longSource && !strings.HasSuffix(name, ".json")
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
