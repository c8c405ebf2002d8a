package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"slices"
)

// unknown is whom bytes came from that could not be compared with what was received.
const unknown = "unknown"

// restore finds out how much of what the journal tells is true of the file, and goes on from there. The disk is
// asked, and nobody else: what was promised to be durable is believed up to the last segment, the rest is read again.
func (j *job) restore(ctx context.Context, p *past) error {
	if p.last.off > 0 || len(p.marks)+len(p.blocks) > 0 {
		j.tell.note("checking what is here")
		defer j.tell.note("")
	}
	r := &restorer{ctx: ctx, r: j.store.partial, hash: sha256.New(), buf: make([]byte, j.f.Block)}
	if err := r.frontier(p); err != nil {
		return err
	}
	if err := r.beyond(p); err != nil {
		return err
	}
	s := j.store
	s.resume(r, p)
	for _, c := range j.sources {
		for _, sent := range s.senders {
			if sent.Source == c.name && len(s.have) > 0 {
				c.version = sent.Version
			}
		}
	}
	j.resumed = s.have.total()
	return s.write(j.f.Host.Files, journalPath(j.key), p)
}

// resume goes on from what was found.
func (s *store) resume(r *restorer, p *past) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hash, s.front, s.have, s.senders = r.hash, r.off, r.have, p.senders
	if s.size < 0 {
		s.size = p.size
	}
	p.size = s.size
}

// restorer reads what is here.
type restorer struct {
	ctx  context.Context
	r    io.ReaderAt
	hash hash.Hash
	off  int64 // all before it is in hash
	have spans
	buf  []byte
}

// errShort is a file that ends before it should.
var errShort = errors.New("the file is shorter than its journal says")

// feed hashes the file up to an offset.
func (r *restorer) feed(to int64) error {
	for r.off < to {
		if err := context.Cause(r.ctx); err != nil {
			return err
		}
		b := r.buf[:min(int64(len(r.buf)), to-r.off)]
		if _, err := r.r.ReadAt(b, r.off); err == io.EOF {
			return errShort
		} else if err != nil {
			return err
		}
		r.hash.Write(b)
		r.off += int64(len(b))
	}
	return nil
}

// set makes the hasher what it was at a mark, if it can be.
func (r *restorer) set(m mark) bool {
	r.hash, r.off = sha256.New(), m.off
	return m.off == 0 || r.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(m.state) == nil
}

// reaches hashes from where it is to a mark and reports whether what was received is what is there.
func (r *restorer) reaches(m mark) (bool, error) {
	err := r.feed(m.off)
	if errors.Is(err, errShort) {
		return false, nil
	}
	return err == nil && (m.off == 0 || sameState(stateOf(r.hash), m.state)), err
}

// frontier goes as far as the file is what was received in a row. It takes from p what is not so.
func (r *restorer) frontier(p *past) error {
	known := &restorer{}
	if !known.set(p.before) || !known.set(p.last) {
		return r.anew(p)
	}
	r.set(p.before)
	ok, err := r.reaches(p.last)
	if err != nil {
		return err
	}
	if !ok {
		// The disk did not keep what it promised: nothing is believed any more.
		p.last, p.marks = p.before, nil
		p.before = mark{}
		r.set(p.before)
		if ok, err = r.reaches(p.last); err != nil {
			return err
		}
		if !ok {
			p.last = mark{}
			r.set(p.last)
		}
	}
	return r.follow(p)
}

// follow goes from mark to mark as far as they are true.
func (r *restorer) follow(p *past) error {
	good := p.last
	slices.SortStableFunc(p.marks, func(a, b mark) int { return cmp.Compare(a.off, b.off) })
	for i, m := range p.marks {
		ok, err := r.reaches(m)
		if err != nil {
			return err
		}
		if !ok {
			p.marks = p.marks[:i]
			r.set(good)
			break
		}
		good = m
	}
	r.have.add(span{0, r.off})
	return nil
}

// anew hashes from the beginning, because the states in the journal are of a hasher that this program does not know.
func (r *restorer) anew(p *past) error {
	r.set(mark{})
	to := p.last.off
	if err := r.feed(to); errors.Is(err, errShort) {
		r.set(mark{})
	} else if err != nil {
		return err
	}
	p.before, p.marks = mark{}, nil
	p.last = mark{r.off, stateOf(r.hash)}
	if r.off == 0 {
		p.last = mark{}
	}
	p.senders = append(p.senders, sender{Source: unknown})
	r.have.add(span{0, r.off})
	return nil
}

// beyond finds which blocks behind the frontier are there. It takes from p what is not so.
func (r *restorer) beyond(p *past) error {
	var good []block
	for _, b := range p.blocks {
		if b.off < 0 || b.span().to <= r.off {
			continue
		}
		ok, err := r.intact(b)
		if err != nil {
			return err
		}
		if ok {
			good = append(good, b)
			r.have.add(b.span())
		}
	}
	p.blocks = good
	return nil
}

func (r *restorer) intact(b block) (bool, error) {
	var sum uint32
	for at := b.off; at < b.span().to; {
		if err := context.Cause(r.ctx); err != nil {
			return false, err
		}
		buf := r.buf[:min(int64(len(r.buf)), b.span().to-at)]
		if _, err := r.r.ReadAt(buf, at); err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
		sum = crc32.Update(sum, castagnoli, buf)
		at += int64(len(buf))
	}
	return sum == b.crc, nil
}
