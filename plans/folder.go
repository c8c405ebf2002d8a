package plans

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// folder is where a module is from.
type folder struct {
	dir     string // as its files are named
	sources []string
	// broken says that not all files could be parsed, so that what it has cannot be told.
	broken bool
}

// folderOf finds the folder that a module block names, or reports why there is none.
func (l *loader) folderOf(c *call) *folder {
	a, ok := c.part.get("source")
	if !ok {
		l.errorf(c.at, nil, "Missing required argument", "A module needs a source: the folder with its files, as in source = \"./%s\".", c.addr[len("module."):])
		return nil
	}
	v, diags := a.expr.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || v.IsNull() || !v.IsKnown() || !isLocal(v.AsString()) {
		l.errorf(a.expr.Range(), &c.at, "Invalid source of a module",
			"A source is a folder, written out and relative to the file that says it: it starts with \"./\" or \"../\". Modules from elsewhere have to be copied beside the plan.")
		return nil
	}
	dir := filepath.Join(l.dir, filepath.FromSlash(v.AsString()))
	if !l.mayOpen(dir, a.expr.Range(), c) {
		return nil
	}
	return l.openFolder(dir, a.expr.Range(), c)
}

func isLocal(source string) bool {
	return source == "." || source == ".." || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}

// mayOpen reports a module that is part of itself, and modules that nest too deeply.
func (l *loader) mayOpen(dir string, at hcl.Range, c *call) bool {
	abs, err := l.disk.Abs(dir)
	if err != nil {
		l.noFolder(dir, at, c, err)
		return false
	}
	path, depth := fmt.Sprintf("%s (%s:%d)", dir, c.at.Filename, c.at.Start.Line), 0
	for in := l; in != nil; in = in.caller {
		if depth++; depth > maxModuleDepth {
			l.errorf(at, &c.at, "Modules nested too deeply", "Modules may be nested %d deep.", maxModuleDepth)
			return false
		}
		if in.call != nil {
			path = fmt.Sprintf("%s (%s:%d) → %s", in.dir, in.call.at.Filename, in.call.at.Start.Line, path)
		} else {
			path = in.in.Path + " → " + path
		}
		if its, err := l.disk.Abs(in.dir); err == nil && its == abs {
			l.errorf(at, &c.at, "Module within itself", "A module cannot use itself: %s.", path)
			return false
		}
	}
	return true
}

// openFolder reads the files of a module, once for all that use it.
func (l *loader) openFolder(dir string, at hcl.Range, c *call) *folder {
	abs, err := l.disk.Abs(dir)
	if err != nil {
		l.noFolder(dir, at, c, err)
		return nil
	}
	if f := l.folders[abs]; f != nil {
		return f
	}
	entries, err := l.disk.ReadDir(dir)
	if err != nil {
		l.noFolder(dir, at, c, err)
		return nil
	}
	f := &folder{dir: dir, sources: slices.DeleteFunc(planFiles(dir, entries), func(name string) bool {
		return hasSuffix(name, autoSuffixes...)
	})}
	if len(f.sources) == 0 {
		l.errorf(at, &c.at, "No module here", "The folder %s holds neither *.hcl nor *.hcl.json files.", dir)
		return nil
	}
	l.folders[abs] = f
	l.texts = append(l.texts, f.sources...)
	for _, name := range f.sources {
		f.broken = !l.parseWhole("module", name) || f.broken
	}
	return f
}

func (l *loader) noFolder(dir string, at hcl.Range, c *call, err error) {
	l.errorf(at, &c.at, "Cannot read the module", "Cannot read %s: %s.", dir, reasonOf(err))
}
