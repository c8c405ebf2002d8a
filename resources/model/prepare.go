package model

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// Prepares reports whether something is to be fetched.
func (resource) Prepares(have, want *Spec) bool { return len(lacking(have, want)) > 0 }

// Prepare fetches what is not there, without publishing it.
func (resource) Prepare(ctx context.Context, h *host.Host, have, want *Spec, tell func(engine.Progress)) error {
	got, err := want.fetch(ctx, h, have, lacking(have, want), tell)
	return want.tolerated(errors.Join(err, got.close()))
}

// got are fetched files that wait to be published.
type gotten []*got

type got struct {
	*fetch.Fetched
	file   file
	header *gguf.Header // nil where the format is another
}

func (g gotten) close() error {
	var errs []error
	for _, f := range g {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// fetch gets the files that are lacking, one after the other, and checks that all of the model's fit together.
// The caller closes what it returns, also with an error.
func (s *Spec) fetch(ctx context.Context, h *host.Host, have *Spec, lacks []file, tell func(engine.Progress)) (gotten, error) {
	if len(lacks) == 0 {
		return nil, nil
	}
	o, err := s.opener(h.View())
	if err != nil {
		return nil, err
	}
	defer o.Close()
	var all gotten
	t := &telling{tell: tell, total: totalOf(lacks)}
	for _, f := range lacks {
		g, err := s.fetchOne(ctx, h, o, f, f.path, t)
		if err != nil {
			return all, err
		}
		all = append(all, g)
		t.before += g.Size
	}
	return all, s.complete(h.Files.Tree, have, all)
}

// fetchOne gets f, for the path to.
func (s *Spec) fetchOne(ctx context.Context, h *host.Host, o *source.Opener, f file, to string, t *telling) (*got, error) {
	sources, err := f.open(o, s.offers)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s has no sources to fetch it from: say them, put the file there by hand, or bring it with --models", f.path)
	}
	space, err := h.Files.Space(to)
	if err != nil {
		return nil, err
	}
	// What can be told to have no room is not begun.
	takes := &taking{}
	if err := takes.add(h.View(), f, to, nil); err != nil {
		return nil, err
	}
	if takes.known {
		if err := room(space, space.Free, takes.more); err != nil {
			return nil, err
		}
	}
	g := &got{file: f}
	want := fetch.Want{
		SHA256: sumOf(f), Unverified: f.sha256 == "", Size: f.size.exact(), Sources: sources, Dir: space.Dir, For: to,
		Fits: func(size, _ int64) error {
			if !f.size.holds(size) {
				return fmt.Errorf("its file has %d bytes, and the plan says %s", size, f.size)
			}
			return nil
		},
		Room: func(more int64) error {
			space, err := h.Files.Space(to) // as it is by then
			if err != nil {
				return err
			}
			return room(space, space.Free, more)
		},
	}
	if s.Format == formatGGUF {
		want.First = gguf.Sniff
		want.Whole = func(r io.ReaderAt, size int64) (err error) {
			g.header, err = gguf.Read(io.NewSectionReader(r, 0, size), size)
			return err
		}
	}
	fetcher := fetch.Fetcher{Host: h, Tell: t.progress}
	if g.Fetched, err = fetcher.Fetch(ctx, want); err != nil {
		return nil, fmt.Errorf("cannot fetch %s: %w%s", f.name(), err, otherWay(err))
	}
	return g, nil
}

// otherWay says how a model comes to a machine that reaches none of its sources.
func otherWay(err error) string {
	failed, ok := errors.AsType[*fetch.FailedError](err)
	if !ok {
		return ""
	}
	for _, t := range failed.Tried {
		if _, ok := errors.AsType[*fetch.UnreachableError](t.Err); ok {
			return "\nif this machine has no network: agent0-converge models bundle write PLAN DIR on one that has, and here apply --models DIR"
		}
	}
	return ""
}

// complete checks that a model that is split is whole, and that one that is not has all there is.
func (s *Spec) complete(t host.Tree, have *Spec, all gotten) error {
	if s.Format != formatGGUF {
		return nil
	}
	var headers []*gguf.Header
	for _, f := range s.files() {
		header, err := headerOf(t, f, have, all)
		if err != nil {
			return err
		}
		headers = append(headers, header)
	}
	if n := headers[0].Split.Count; len(headers) == 1 && n > 1 {
		return fmt.Errorf("%s is shard %d of %d: the model needs a shard block for each of the others", s.Path, headers[0].Split.No+1, n)
	} else if len(headers) == 1 {
		return nil
	}
	return gguf.CheckShards(headers)
}

// headerOf is the header of a file that was fetched just now or is there already.
func headerOf(t host.Tree, f file, have *Spec, all gotten) (*gguf.Header, error) {
	for _, g := range all {
		if g.file.path == f.path {
			return g.header, nil
		}
	}
	r, err := t.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	header, err := gguf.Read(r, have.at(f.path).Size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return header, nil
}

// publish puts the files in their places. The first of a model comes last: who finds it finds all.
func (g gotten) publish(ctx context.Context, h *host.Host, have, want *Spec) error {
	for _, f := range slices.Backward(g) {
		var was *host.Info
		if is := have.at(f.file.path); is != nil {
			was = &is.info
		}
		attr, err := want.attributes().Attr(h.View(), was, freshMode)
		if err != nil {
			return err
		}
		if err := f.publish(ctx, h, attr, want.Unverified); err != nil {
			return err
		}
	}
	return nil
}

// publish puts a file in its place and keeps a record of it.
func (g *got) publish(ctx context.Context, h *host.Host, attr host.Attr, unverified bool) error {
	// Before it has its owner, who may write to what is his.
	seal := func(name string) error { return watchOver(h, name) }
	if err := g.Publish(g.file.path, attr, seal); err != nil {
		return fmt.Errorf("cannot publish %s: %w", g.file.name(), err)
	}
	return keep(ctx, h, &record.Record{
		Path: g.file.path, SHA256: hex.EncodeToString(g.SHA256[:]), Sources: g.file.sources, From: g.Source,
		Fetched: g.Got, Seconds: g.Took.Seconds(), Unverified: unverified,
	})
}

// telling tells of several files as of one thing.
type telling struct {
	tell          func(engine.Progress)
	before, total int64
}

func (t *telling) progress(p fetch.Progress) {
	if t.tell == nil {
		return
	}
	total := t.total
	if total < 0 && p.Size >= 0 {
		total = t.before + p.Size
	}
	t.tell(engine.Progress{Done: t.before + p.Done, Total: total, Rate: p.Rate, From: p.Source, Note: p.Note})
}

// totalOf is how many bytes files have, -1 where one's size was not said to the byte.
func totalOf(files []file) int64 {
	var sum int64
	for _, f := range files {
		if f.size.exact() < 0 {
			return -1
		}
		sum += f.size.exact()
	}
	return sum
}
