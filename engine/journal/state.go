package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// The files of a journal.
const (
	lockPath   = Dir + "/lock"
	keyPath    = Dir + "/key"
	ledgerPath = Dir + "/ledger"
	runsDir    = Dir + "/runs"
	blobsDir   = Dir + "/blobs"
	vaultDir   = Dir + "/vault"
)

func runPath(id int) string { return fmt.Sprintf("%s/%06d", runsDir, id) }

// state is what the snapshot and the files of later runs say together.
type state struct {
	ledger ledger
	// folded is the last run that the snapshot has in it, last the last run of all.
	folded, last int
	// brief are the summaries, as JSON, of runs up to folded; recent are those of later ones.
	brief  []string
	recent []RunInfo
	// files are the runs of which there is a file.
	files []int
	// open is the last run where it did not say that it was done, and size how much of its
	// file is whole.
	open *Run
	size int64
	// records is how many records were read beside the snapshot.
	records int
}

// maxReads bounds how often a reader starts again because a run tidied up under it.
const maxReads = 5

// missingError is a run's file that should be there: it is gone, or was tidied up just now.
type missingError struct{ run int }

func (e *missingError) Error() string { return fmt.Sprintf("the file of run %d is missing", e.run) }

func readState(t host.Tree) (*state, error) {
	for try := 1; ; try++ {
		s, err := readStateOnce(t)
		gone, missing := errors.AsType[*missingError](err)
		switch {
		case missing && try < maxReads:
			continue
		case missing:
			return nil, &DamagedError{Path: runPath(gone.run), What: "it is missing"}
		case err != nil:
			if _, wrong := errors.AsType[*fs.PathError](err); wrong {
				err = fmt.Errorf("cannot read the journal: %w", err)
			}
			return nil, err
		}
		return s, nil
	}
}

func readStateOnce(t host.Tree) (*state, error) {
	s := &state{ledger: ledger{index: map[engine.Claim]int{}}}
	text, err := readText(t, ledgerPath)
	if err == nil {
		err = s.parseSnapshot(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.files, err = runFiles(t); err != nil {
		return nil, err
	}
	s.last = s.folded
	for i, id := range s.files {
		if id <= s.folded {
			continue
		}
		if id != s.last+1 {
			return nil, &missingError{s.last + 1}
		}
		if err := s.foldFile(t, id, i == len(s.files)-1); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// runFiles lists the runs that have a file, oldest first.
func runFiles(t host.Tree) ([]int, error) {
	names, err := t.ReadDir(runsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []int
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil && id > 0 && path.Base(runPath(id)) == name {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// foldFile adds what one run did.
func (s *state) foldFile(t host.Tree, id int, last bool) error {
	b, err := t.ReadFile(runPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return &missingError{id}
	}
	if err != nil {
		return err
	}
	recs, size, err := parseRun(runPath(id), b, last)
	if err != nil || len(recs) == 0 {
		return err
	}
	run, err := newRun(recs)
	if err != nil {
		return &DamagedError{Path: runPath(id), Offset: size, What: err.Error()}
	}
	if run.ID != id {
		return &DamagedError{Path: runPath(id), What: fmt.Sprintf("it is the file of run %d", run.ID)}
	}
	for _, r := range recs {
		if err := s.ledger.apply(r.effect()); err != nil {
			return err
		}
	}
	s.add(run, len(recs))
	if run.Result == "" && last {
		s.open, s.size = run, size
	}
	return nil
}

func (s *state) add(run *Run, records int) {
	s.last = run.ID
	s.records += records
	s.recent = append(s.recent, run.RunInfo)
}

// history lists the runs that are known of, oldest first.
func (s *state) history() ([]RunInfo, error) {
	var out []RunInfo
	for _, line := range s.brief {
		var info RunInfo
		if err := json.Unmarshal([]byte(line), &info); err != nil {
			return nil, &DamagedError{Path: ledgerPath, What: "a run's summary cannot be read: " + err.Error()}
		}
		out = append(out, info)
	}
	out = append(out, s.recent...)
	for i := range out {
		out[i].Kept = slices.Contains(s.files, out[i].ID)
	}
	return out, nil
}
