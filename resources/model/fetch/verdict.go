package fetch

import (
	"context"
	"fmt"
	"path/filepath"
)

// maxWrong bounds how many wrong files are remembered.
const maxWrong = 8

// judge decides about a file of which all bytes are here. Where it is wrong it sees to it that there is another
// attempt, or that whoever sent it is not asked again.
func (j *job) judge(ctx context.Context) (ok bool, err error) {
	sum := j.sum()
	switch {
	case !j.w.Unverified && sum != j.w.SHA256 && j.mixed():
		return false, j.separate(ctx)
	case !j.w.Unverified && sum != j.w.SHA256:
		return false, j.blame(ctx, sum)
	case j.w.Whole == nil:
		return true, nil
	}
	if err := j.w.Whole(j.store.partial, j.store.size); err != nil {
		if !j.w.Unverified {
			return false, fmt.Errorf("its SHA-256 is right, and yet: %w", err)
		}
		return false, j.refuse(ctx, err)
	}
	return true, nil
}

// separate begins again with one source alone, because the bytes of several are no file that anybody has.
func (j *job) separate(ctx context.Context) error {
	if alone := j.candidate(j.head.Pure); alone == nil {
		forgive(j.sources)
	} else if alone.again++; alone.again >= j.f.Attempts {
		alone.failed(&RefusedError{Source: alone.name, Why: "has another file each time it is asked"}, j.f.now())
	}
	c := next(j.sources, j.head.Pure)
	if c == nil {
		return j.exhausted()
	}
	return j.restart(ctx, c.name)
}

func (j *job) candidate(name string) *candidate {
	for _, c := range j.sources {
		if c.name == name {
			return c
		}
	}
	return nil
}

// mixed reports whether the bytes are of more than one content, so that none can be blamed.
func (j *job) mixed() bool { return len(j.store.senders) != 1 }

// blame sets a source aside that sent another file, and keeps that as evidence.
func (j *job) blame(ctx context.Context, sum [32]byte) error {
	from := j.store.senders[0]
	asked := j.candidate(from.Source)
	if asked != nil && asked.sent.Load() == 0 {
		asked = nil // what it sent before this call: it may have another file by now
	}
	kept, err := j.quarantine(ctx, wrongFile{
		Source: from.Source, Version: from.Version, SHA256: fmt.Sprintf("%x", sum), Size: j.store.size,
	})
	if err != nil {
		return err
	}
	if asked != nil {
		asked.failed(&WrongDigestError{Source: from.Source, Want: j.w.SHA256, Got: sum, Kept: kept}, j.f.now())
	}
	return nil
}

// refuse sets aside the source of an unverified file that is no good.
func (j *job) refuse(ctx context.Context, why error) error {
	if c := j.candidate(j.head.Pure); c != nil {
		c.failed(&RefusedError{Source: c.name, Why: why.Error()}, j.f.now())
	}
	return j.restart(ctx, j.head.Pure)
}

// quarantine moves the file aside, in place of an older one of this model, and begins another.
func (j *job) quarantine(ctx context.Context, w wrongFile) (kept string, err error) {
	unlock, err := j.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := j.dropWrong(); err != nil {
		return "", err
	}
	p := j.store.partial
	dir := filepath.Dir(p.Path())
	w.Path = filepath.Join(dir, wrongName(w.SHA256))
	// Noted first, so that after a crash the file is known to whoever is to remove it.
	if err := j.store.log.promise(func(b []byte) []byte { return appendJSON(b, recordWrong, w) }); err != nil {
		return "", err
	}
	if err := p.Rename(filepath.Base(w.Path)); err != nil {
		return "", err
	}
	j.head.Wrong = append(j.head.Wrong[max(0, len(j.head.Wrong)+1-maxWrong):], w)
	if err := p.Close(); err != nil {
		return "", err
	}
	return w.Path, j.renew(dir, j.head.Pure)
}

// keepsWrong reports whether a wrong file of this model lies about.
func (j *job) keepsWrong() bool {
	for _, w := range j.head.Wrong {
		if w.Path != "" {
			return true
		}
	}
	return false
}

// dropWrong removes wrong files of this model. What sent them is remembered.
func (j *job) dropWrong() error {
	for i := range j.head.Wrong {
		w := &j.head.Wrong[i]
		if w.Path == "" {
			continue
		}
		if err := j.f.Host.Files.Remove(w.Path); err != nil {
			return err
		}
		w.Path = ""
		for _, c := range j.sources {
			if e, ok := c.err.(*WrongDigestError); ok && e.Kept != "" {
				e.Kept = ""
			}
		}
	}
	return nil
}
