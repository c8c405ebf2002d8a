package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// ask is a URL that is to be locked.
type ask struct {
	name string // "" until it is known
	url  string
}

// askedToLock reads [NAME=]URL.
func askedToLock(args []string) ([]ask, error) {
	var out []ask
	for _, arg := range args {
		q := ask{url: arg}
		// A URL may have "=" too, but behind its scheme.
		if name, rest, ok := strings.Cut(arg, "="); ok && !strings.ContainsAny(name, ":/?") {
			if !lockfile.ValidName(name) {
				return nil, fmt.Errorf("%q is no name of a model: it starts with a letter and has letters, digits, dashes and underscores only", name)
			}
			q = ask{name, rest}
		}
		if err := lockfile.CheckURL(q.url); err != nil {
			return nil, fmt.Errorf("the URL %w", err)
		}
		if !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	return out, nil
}

// isGGUF reports whether a file is to have a GGUF header, by its name.
func isGGUF(file string) bool { return strings.EqualFold(path.Ext(file), ".gguf") }

// nameOfModel makes a plain name of a file's, "" where that has nothing to make one of.
func nameOfModel(file string) string {
	if prefix, _, _, ok := gguf.ParseShardName(file); ok {
		file = prefix
	} else if isGGUF(file) {
		file = file[:len(file)-len(".gguf")]
	}
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		}
		return '-'
	}, file), "-")
	if name != "" && !lockfile.ValidName(name) {
		name = "model-" + name // it begins with a digit
	}
	return name
}

// fileOfURL is the name of the file that a URL names, "" where it names none.
func fileOfURL(u *url.URL) string {
	file := path.Base("/" + u.Path)
	if file == "/" {
		return ""
	}
	return file
}

// shardsOf are the names of all files of a model of which file is the first: that one alone, where it is not split.
func shardsOf(file string) ([]string, error) {
	_, no, count, split := gguf.ParseShardName(file)
	if !split {
		return []string{file}, nil
	}
	if no != 0 {
		return nil, fmt.Errorf("%s is file %d of a model that is split: give the first, whose name has -00001-of-%05d", file, no+1, count)
	}
	if count > maxShards {
		return nil, fmt.Errorf("%s says that there are %d files, and %d are the most", file, count, maxShards)
	}
	out := []string{file}
	for i := 1; i < count; i++ {
		name, err := gguf.ShardName(file, i, count)
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}

// maxShards is how many files a model may have. The largest that are published have some hundreds.
const maxShards = 1000

// named settles what a URL is locked as, by the name of its file where none was said.
func (q ask) named(file, fallback string) (string, error) {
	if name := cmp.Or(q.name, nameOfModel(file), nameOfModel(fallback)); name != "" {
		return name, nil
	}
	return "", errors.New("nothing in its URL can be a name: write NAME=URL")
}
