package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
)

// mark returns what became of the changes of a run that had to be confirmed, nil where there was none. Whoever made it
// did not hold the lock, so it is read each time.
func (j *Journal) mark(id int) (*engine.RunMark, error) {
	name := engine.MarkPath(id)
	b, err := j.tree.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the journal: %w", err)
	}
	var m engine.RunMark
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, &DamagedError{Path: name, What: "a run's mark cannot be read: " + err.Error()}
	}
	return &m, nil
}

// pruneMarks removes the marks of runs that are no longer listed.
func (r *Recording) pruneMarks() error {
	runs, err := r.state.history()
	if err != nil || len(runs) == 0 {
		return err
	}
	names, err := r.files.ReadDir(engine.MarksDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil && id < runs[0].ID {
			if err := r.files.Remove(path.Join(engine.MarksDir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
