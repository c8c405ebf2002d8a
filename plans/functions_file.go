package plans

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// functions read what is beside the plan.
func (b beside) functions() map[string]function.Function {
	return map[string]function.Function{
		"file": untilBack(func(name string) (string, error) {
			src, err := b.ReadFile(name)
			if err == nil && !utf8.Valid(src) {
				err = fmt.Errorf("%s is not UTF-8: use filebase64, or let a resource read it as its source", name)
			}
			return string(src), err
		}),
		"filebase64": untilBack(func(name string) (string, error) {
			src, err := b.ReadFile(name)
			return base64.StdEncoding.EncodeToString(src), err
		}),
		"fileexists": simple(cty.Bool, func(args []cty.Value) (cty.Value, error) {
			there, err := b.l.disk.regular(b.path(args[0].AsString()))
			if err != nil {
				return cty.UnknownVal(cty.Bool), b.unread(args[0].AsString(), err)
			}
			return cty.BoolVal(there), nil
		}, param("path", cty.String)),
		"fileset": simple(cty.Set(cty.String), func(args []cty.Value) (cty.Value, error) {
			return b.fileset(args[0].AsString(), args[1].AsString())
		}, param("path", cty.String), param("pattern", cty.String)),
	}
}

// untilBack is stringFunc for a file, where one that holds secrets and is gone defers what needs it.
func untilBack(read func(name string) (string, error)) function.Function {
	return simple(cty.String, func(args []cty.Value) (cty.Value, error) {
		s, err := read(args[0].AsString())
		if gone, ok := errors.AsType[*GoneError](err); ok {
			return cty.UnknownVal(cty.String).Mark(reason{fact: gone.Error()}), nil
		}
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		return cty.StringVal(s), nil
	}, param("str", cty.String))
}

// fileset names the files below dir that match pattern, in which ** stands for any folders.
func (b beside) fileset(dir, pattern string) (cty.Value, error) {
	want := strings.Split(path.Clean(pattern), "/")
	if _, err := match(want, want); err != nil {
		return cty.UnknownVal(cty.Set(cty.String)), function.NewArgErrorf(1, "this is no pattern")
	}
	root := b.path(dir)
	var names []cty.Value
	err := b.l.disk.walk(root, func(rel string) error {
		ok, err := match(want, strings.Split(rel, "/"))
		if err != nil || !ok {
			return err
		}
		// A link to a file counts as one; what cannot be looked at does not.
		if there, err := b.l.disk.regular(filepath.Join(root, filepath.FromSlash(rel))); err == nil && there {
			names = append(names, cty.StringVal(rel))
		}
		return nil
	})
	if err != nil {
		return cty.UnknownVal(cty.Set(cty.String)), b.unread(dir, err)
	}
	if len(names) == 0 {
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(names), nil
}

// match matches the parts of a path with those of a pattern.
func match(pattern, parts []string) (bool, error) {
	if len(pattern) == 0 {
		return len(parts) == 0, nil
	}
	if pattern[0] == "**" {
		for i := range len(parts) + 1 {
			if ok, err := match(pattern[1:], parts[i:]); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	if len(parts) == 0 {
		return false, nil
	}
	ok, err := path.Match(pattern[0], parts[0])
	if !ok || err != nil {
		return false, err
	}
	return match(pattern[1:], parts[1:])
}
