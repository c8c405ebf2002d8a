package model

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
	"github.com/agent0-converge/agent0-converge/resources/model/record"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

type resource struct{}

// Read reports the files as they are. What a record vouches for is not read.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	var have *Spec
	for _, f := range spec.known() {
		at, err := place.Find(v, f.path, host.File, "model", spec.attributes())
		if err != nil {
			return nil, err
		}
		if at == nil {
			continue
		}
		if have == nil {
			have = &Spec{Path: spec.Path, Owner: at.Owner, Group: at.Group, Mode: at.Mode}
		}
		is, err := look(ctx, v, f, at.Info, spec.absent)
		if err != nil {
			return nil, err
		}
		have.take(is, at.Attributes, spec)
	}
	return have, nil
}

// take adds a file that was found. Owner and mode of the whole are those of the first that is not as wanted.
func (s *Spec) take(f *found, a place.Attributes, spec *Spec) {
	s.Found = append(s.Found, *f)
	if f.Path == spec.Path {
		s.SHA256, s.Size = f.SHA256, strconv.FormatInt(f.Size, 10)
	} else {
		s.Shards = append(s.Shards, Shard{Name: path.Base(f.Path), SHA256: f.SHA256, Size: strconv.FormatInt(f.Size, 10)})
	}
	for _, is := range []struct {
		have       *string
		want, here string
	}{{&s.Owner, spec.Owner, a.Owner}, {&s.Group, spec.Group, a.Group}, {&s.Mode, spec.Mode, a.Mode}} {
		if *is.have == is.want {
			*is.have = is.here
		}
	}
}

// look finds what a file is: by the record of it, or by reading it. One that has another size than is wanted, or that
// is to go, is not read: there is no more to know.
func look(ctx context.Context, v host.View, f file, info host.Info, goes bool) (*found, error) {
	is := &found{Path: f.path, Size: info.Size, info: info}
	known, err := record.Of(v.Files, f.path)
	if err != nil {
		return nil, err
	}
	by, err := known.Holds(v.Files, info)
	if err != nil {
		return nil, err
	}
	if by != "" && !v.Reread {
		is.SHA256, is.Sources, is.recorded = known.SHA256, known.Sources, true
		return is, nil
	}
	if goes || !f.size.holds(info.Size) {
		return is, nil
	}
	sum, err := v.Files.Digest(ctx, f.path, nil)
	if err != nil {
		return nil, err
	}
	is.SHA256, is.info = hex.EncodeToString(sum.SHA256[:]), sum.Info
	if known != nil && is.SHA256 == known.SHA256 {
		is.Sources, is.recorded = known.Sources, by != "" || known.Unsettled
	}
	return is, nil
}

// right reports whether what was found is what is wanted.
func (f file) right(is *found) bool {
	return is != nil && f.size.holds(is.Size) && (f.sha256 == "" || f.sha256 == is.SHA256)
}

// lacking are the files of want that are not there, or not as they should be.
func lacking(have, want *Spec) []file {
	var out []file
	for _, f := range want.files() {
		if !f.right(have.at(f.path)) {
			out = append(out, f)
		}
	}
	return out
}

// Diff compares what is there, how it may be used, and whether the next run will know it without reading.
func (resource) Diff(have, want *Spec) []engine.FieldDiff {
	var out []engine.FieldDiff
	unrecorded := false
	for i, f := range want.files() {
		is := have.at(f.path)
		out = append(out, f.diff(is, i)...)
		unrecorded = unrecorded || f.right(is) && !is.recorded
	}
	for _, f := range have.extra(want) {
		out = append(out, engine.FieldDiff{Name: "shard." + path.Base(f.Path), Have: f.SHA256})
	}
	for _, f := range []struct{ name, have, want string }{
		{"owner", have.Owner, want.Owner}, {"group", have.Group, want.Group}, {"mode", have.Mode, want.Mode},
	} {
		if f.want != "" && f.want != f.have {
			out = append(out, engine.FieldDiff{Name: f.name, Have: f.have, Want: f.want})
		}
	}
	if len(out) == 0 && unrecorded {
		out = append(out, engine.FieldDiff{Name: "verified", Have: "by reading it now", Want: "by a record of that"})
	}
	return out
}

// diff compares file i of a model.
func (f file) diff(is *found, i int) []engine.FieldDiff {
	prefix := ""
	if i > 0 {
		prefix = "shard." + path.Base(f.path) + "."
	}
	switch {
	case is == nil:
		return []engine.FieldDiff{{Name: prefix + "sha256", Have: "(not there)", Want: f.sha256}}
	case !f.size.holds(is.Size):
		return []engine.FieldDiff{{Name: prefix + "size", Have: strconv.FormatInt(is.Size, 10), Want: f.size.String()}}
	case !f.right(is):
		return []engine.FieldDiff{{Name: prefix + "sha256", Have: is.SHA256, Want: f.sha256}}
	}
	return nil
}

// Check finds why the change cannot be made.
func (resource) Check(_ context.Context, v host.View, have, want *Spec) error {
	if want == nil {
		var errs []error
		for _, f := range have.Found {
			errs = append(errs, place.Check(v, f.Path, place.Remove, &f.info, place.Attributes{}))
		}
		return errors.Join(errs...)
	}
	var errs []error
	for _, f := range want.files() {
		is := have.at(f.path)
		switch {
		case f.right(is):
			errs = append(errs, place.Check(v, f.path, place.Dress, &is.info, want.attributes()))
			continue
		case is == nil:
			errs = append(errs, place.Check(v, f.path, place.Make, nil, want.attributes()))
		default:
			errs = append(errs, place.Check(v, f.path, place.Replace, &is.info, want.attributes()))
		}
		if len(f.sources)+len(want.offers) == 0 && !want.optional() {
			errs = append(errs, fmt.Errorf("%s is not there as it should be, and has no sources: say them, or put it there by hand", f.path))
		}
	}
	return errors.Join(errs...)
}

// Warn says what works and is probably not meant, and what undo will cost.
func (resource) Warn(_ context.Context, _ host.View, have, want *Spec) error {
	var errs []error
	if want != nil && want.Unverified && len(lacking(have, want)) > 0 {
		errs = append(errs, errors.New("unverified: whatever the sources send is taken for the model"))
	}
	for _, f := range have.losesTo(want) {
		if len(f.Sources) > 0 {
			errs = append(errs, fmt.Errorf("what is at %s now is not kept: undo fetches it again, from %s", f.Path, source.Host(f.Sources[0])))
		}
	}
	return errors.Join(errs...)
}

// Irreversible says what undo will not bring back.
func (resource) Irreversible(have, want *Spec) string {
	for _, f := range have.losesTo(want) {
		if len(f.Sources) == 0 {
			return fmt.Sprintf("what is at %s now is not kept, and nothing says where it is from", f.Path)
		}
	}
	return ""
}

// losesTo are the files of s that will not be there any more.
func (s *Spec) losesTo(want *Spec) []found {
	if s == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Found), func(f found) bool { return want != nil && kept(f, want) })
}

// kept reports whether want leaves f as it is.
func kept(f found, want *Spec) bool {
	for _, w := range want.files() {
		if w.path == f.Path {
			return w.right(&f)
		}
	}
	return true // one that want does not name
}

// Apply fetches what is not there yet, puts it in its place, and keeps a record of it.
func (resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	if want == nil {
		return discard(h, have.Found)
	}
	// An owner that is not there is found before anything is removed or fetched.
	if _, err := want.attributes().Attr(h.View(), nil, freshMode); err != nil {
		return err
	}
	if err := discard(h, have.extra(want)); err != nil {
		return err
	}
	lacks := lacking(have, want)
	got, err := want.fetch(ctx, h, have, lacks, nil)
	if err == nil {
		err = got.publish(ctx, h, have, want)
	} else {
		err = want.tolerated(err)
	}
	if err = errors.Join(err, got.close()); err != nil {
		return err
	}
	for _, f := range want.files() {
		if is := have.at(f.path); f.right(is) {
			if err := settle(ctx, h, want, f, is); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle dresses a file that is right, and keeps a record of it where there is none.
func settle(ctx context.Context, h *host.Host, want *Spec, f file, is *found) error {
	attr, err := want.attributes().Attr(h.View(), &is.info, freshMode)
	if err != nil {
		return err
	}
	known, err := record.Of(h.Files.Tree, f.path)
	if err != nil {
		return err
	}
	if known == nil || !is.recorded {
		known = &record.Record{Path: f.path, SHA256: is.SHA256, Sources: f.sources, Unverified: want.Unverified}
	}
	if err := h.Files.SetAttr(f.path, attr); err != nil {
		return err
	}
	return keep(ctx, h, known)
}

// discard removes files, and what is known of them.
func discard(h *host.Host, files []found) error {
	for _, f := range files {
		if err := h.Files.Remove(f.Path); err != nil {
			return err
		}
		if err := record.Remove(h.Files, f.Path); err != nil {
			return err
		}
	}
	return nil
}
