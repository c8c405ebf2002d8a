package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// named is what the file of a change is called.
var named = regexp.MustCompile(`^(\d{6,})-([a-z0-9]+)\.(pending|confirmed|reverting|withdrawing|known)$`)

// parse returns which change a file is about.
func parse(name string) (run int, word string, s stage, ok bool) {
	m := named.FindStringSubmatch(path.Base(name))
	if m == nil {
		return 0, "", "", false
	}
	run, err := strconv.Atoi(m[1])
	return run, m[2], stage(m[3]), err == nil
}

// read returns a change, nil if it has ended.
func read(t host.Tree, run int, word string) (*change, error) {
	c := &change{Run: run, Word: word}
	for _, s := range stages() {
		b, err := t.ReadFile(c.file(s))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, c); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", c.file(s), err)
		}
		if c.Format != format || c.Run != run || c.Word != word {
			return nil, fmt.Errorf("cannot read %s: it is of another version of this program, or of another run", c.file(s))
		}
		return c, nil
	}
	return nil, nil
}

// left lists the changes that have not ended, and the names of files that are of none.
func left(t host.Tree) (changes []*change, stray []string, err error) {
	names, err := t.ReadDir(engine.ConfirmDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	found := map[string]bool{}
	for _, name := range names {
		run, word, s, ok := parse(name)
		if !ok || s == known {
			continue
		}
		c, err := read(t, run, word)
		if err != nil {
			return nil, nil, err
		}
		if c != nil && !found[word] {
			changes = append(changes, c)
		}
		found[word] = true
	}
	for _, name := range names {
		if _, word, _, ok := parse(name); name != "lock" && !(ok && found[word]) {
			stray = append(stray, path.Join(engine.ConfirmDir, name))
		}
	}
	return changes, stray, nil
}

// readMark returns what became of the changes of a run, nil where nothing is known.
func readMark(t host.Tree, run int) (*engine.RunMark, error) {
	b, err := t.ReadFile(engine.MarkPath(run))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &engine.RunMark{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", engine.MarkPath(run), err)
	}
	return m, nil
}
