package journal

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// untidy reports whether a start has so much to read beside the snapshot that folding it in pays.
func (r *Recording) untidy() bool {
	return r.state.records > r.limit.records || len(r.state.recent) > r.limit.tail
}

// tidy folds all runs into the snapshot, which is durable before anything that it stands for goes,
// and then removes what is too old or too much. Stopped anywhere, the next one goes on.
func (r *Recording) tidy() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	brief, err := r.state.summaries(r.limit.runs+r.limit.brief, r.info.Boot)
	if err != nil {
		return err
	}
	if err := r.files.Write(ledgerPath, []byte(r.state.snapshot(brief)), private()); err != nil {
		return err
	}
	r.state.brief, r.state.recent = brief, nil
	r.state.folded, r.state.records = r.state.last, 0
	if err := r.prune(); err != nil {
		return err
	}
	return r.pruneMarks()
}

// prune removes the files of old runs and then every content that neither a run nor the ledger
// refers to any more.
func (r *Recording) prune() error {
	blobs, err := r.blobs()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, line := range r.state.ledger.lines {
		refs(used, []byte(line))
	}
	left, err := r.worthKeeping(blobs, used)
	if err != nil {
		return err
	}
	for _, id := range r.state.files {
		if !slices.Contains(left, id) {
			if err := r.files.Remove(runPath(id)); err != nil {
				return err
			}
		}
	}
	r.state.files = left
	for name := range blobs {
		if !used[plainRef+name] {
			if err := r.files.Remove(path.Join(blobsDir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// worthKeeping returns the runs to keep, oldest first, and adds what they refer to to used. The
// newest is kept whatever its size.
func (r *Recording) worthKeeping(blobs map[string]int64, used map[string]bool) ([]int, error) {
	var left []int
	total := int64(0)
	for _, id := range slices.Backward(r.state.files) {
		b, err := r.files.ReadFile(runPath(id))
		if err != nil {
			return nil, err
		}
		found := map[string]bool{}
		refs(found, b)
		total += int64(len(b))
		for ref := range found {
			if !used[ref] {
				total += blobs[strings.TrimPrefix(ref, plainRef)]
			}
		}
		if len(left) >= r.limit.runs || len(left) > 0 && total > r.limit.bytes {
			break
		}
		maps.Copy(used, found)
		left = append(left, id)
	}
	slices.Reverse(left)
	return left, nil
}

// blobs lists the kept contents, and whatever else a stopped run left among them, by their sizes.
func (r *Recording) blobs() (map[string]int64, error) {
	names, err := r.files.ReadDir(blobsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sizes := make(map[string]int64, len(names))
	for _, name := range names {
		info, err := r.files.Lstat(path.Join(blobsDir, name))
		if err != nil {
			return nil, err
		}
		sizes[name] = info.Size
	}
	return sizes, nil
}
